"""Groups: who hears what, who may do what, who comes and goes."""

from __future__ import annotations

import pytest

from playground import Playground, groups, roles
from playground.client import Chat, Json, Person, PlaygroundError
from playground.errors import ControlError
from playground.roles import SERVICE
from playground.world import World
from tests.playground.conftest import ANN, Api

BORIS, CARMEN = ANN + 1, ANN + 2
EVERYTHING = [
    "message", "edited_message", "channel_post", "edited_channel_post", "callback_query",
    "my_chat_member", "chat_member", "message_reaction", "message_reaction_count", "poll",
    "poll_answer", "chat_join_request",
]  # fmt: skip


@pytest.fixture
async def family(client: Playground) -> Chat:
    """A supergroup of Ann, who owns it, Boris and the bot."""
    return await client.group("Family", members=["ann", "boris"], kind="supergroup")


async def fresh(api: Api) -> list[Json]:
    """The updates since the last time, each checked against the schema."""
    found = await api.updates(allowed_updates=EVERYTHING)
    if found:
        await api.updates(found[-1]["update_id"] + 1)
    return found


def kinds(updates: list[Json]) -> list[str]:
    """What the updates are, and what the messages hold."""
    told = []
    for update in updates:
        kind = next(key for key in update if key != "update_id")
        service = [key for key in update[kind] if key in SERVICE]
        told.append(f"{kind} {update[kind].get('text') or ' '.join(service)}".strip())
    return told


async def test_a_bot_hears_that_it_came(api: Api, client: Playground) -> None:
    family = await client.group("Family", members=["ann", "boris"])
    came, service = await fresh(api)
    changed = came["my_chat_member"]
    assert changed["chat"] == {"id": family.id, "type": "group", "title": "Family"}
    assert changed["from"]["id"] == ANN
    assert changed["old_chat_member"]["status"] == "left"
    assert changed["new_chat_member"]["status"] == "member"
    assert [u["username"] for u in service["message"]["new_chat_members"]] == ["playground_bot"]
    assert await api.call("getChatMemberCount", chat_id=family.id) == 3
    (owner,) = await api.call("getChatAdministrators", chat_id=family.id)
    assert (owner["status"], owner["user"]["username"]) == ("creator", "ann")
    info = await api.call("getChat", chat_id=family.id)
    assert info["permissions"]["can_send_messages"]


async def test_the_privacy_mode(api: Api, client: Playground, family: Chat) -> None:
    await client.add_bot("other_bot")
    await family.add("other_bot")
    await fresh(api)
    await api.call("sendMessage", chat_id=family.id, text="I am here")
    mine = (await family.person("ann").messages())[-1]["message_id"]
    for text in ("just talk", "/start", "/start@other_bot", "/start@Playground_Bot",
                 "hi @playground_bot", "hi @other_bot"):  # fmt: skip
        await family.send("ann", text)
    await family.send("boris", "an answer", reply_to=mine)
    assert kinds(await fresh(api)) == [
        "message /start",
        "message /start@Playground_Bot",
        "message hi @playground_bot",
        "message an answer",
    ]
    await client.configure_bot(reads_all_group_messages=True)
    await family.send("ann", "just talk")
    assert kinds(await fresh(api)) == ["message just talk"]
    assert (await api.call("getMe"))["can_read_all_group_messages"]
    await client.configure_bot(reads_all_group_messages=False)
    await family.make("playground_bot", "administrator")
    await family.send("ann", "more talk")
    assert kinds(await fresh(api)) == ["my_chat_member", "message more talk"]


async def test_bots_do_not_hear_each_other(api: Api, client: Playground, family: Chat) -> None:
    token = await client.add_bot("other_bot", reads_all_group_messages=True)
    await family.add("other_bot")
    other = Api(client, token)
    await fresh(other)
    await fresh(api)
    await api.call("sendMessage", chat_id=family.id, text="hello, bot")
    await family.send("ann", "/start")
    assert kinds(await fresh(other)) == ["message /start"]
    assert kinds(await fresh(api)) == ["message /start"]
    assert await other.error("deleteMessage", chat_id=family.id, message_id=1) == (
        "Bad Request: message can't be deleted"
    )


async def test_members_come_and_go(api: Api, family: Chat) -> None:
    await family.make("playground_bot", "administrator")
    await fresh(api)
    await family.add("carmen", by="boris")
    told = await fresh(api)
    assert kinds(told) == ["chat_member", "message new_chat_members"]
    assert told[0]["chat_member"]["from"]["id"] == BORIS
    await family.remove("carmen")
    told = await fresh(api)
    assert told[0]["chat_member"]["new_chat_member"]["status"] == "left"
    assert told[1]["message"]["left_chat_member"]["id"] == CARMEN
    gone = await api.call("getChatMember", chat_id=family.id, user_id=CARMEN)
    assert gone["status"] == "left"
    with pytest.raises(PlaygroundError, match="Carmen isn't in Family"):
        await family.send("carmen", "let me in")


async def test_a_bot_without_rights(api: Api, family: Chat) -> None:
    chat = family.id
    sent = await api.call("sendMessage", chat_id=chat, text="x")
    for method, params, reason in (
        ("banChatMember", {"user_id": BORIS},
         "not enough rights to restrict/unrestrict chat member"),
        ("promoteChatMember", {"user_id": BORIS, "can_pin_messages": True}, "not enough rights"),
        ("exportChatInviteLink", {}, "not enough rights to manage chat invite link"),
        ("createForumTopic", {"name": "x"}, "chat is not a forum"),
        ("deleteMessage", {"message_id": 1}, "message can't be deleted"),
        ("editMessageText", {"message_id": sent["message_id"] + 9, "text": "x"},
         "message to edit not found"),
    ):  # fmt: skip
        assert await api.error(method, chat_id=chat, **params) == f"Bad Request: {reason}"
    await family.change(permissions={"can_send_photos": False, "can_pin_messages": False,
                                     "can_change_info": False})  # fmt: skip
    assert await api.error("sendPhoto", chat_id=chat, photo="AgACAgIAAxkB") == (
        "Bad Request: not enough rights to send photos to the chat"
    )
    assert await api.error("setChatTitle", chat_id=chat, title="x") == (
        "Bad Request: not enough rights to change chat title"
    )
    assert await api.error("pinChatMessage", chat_id=chat, message_id=sent["message_id"]) == (
        "Bad Request: not enough rights to manage pinned messages in the chat"
    )


async def test_an_administrator(api: Api, family: Chat) -> None:
    chat = family.id
    await family.make("playground_bot", "administrator")
    await fresh(api)
    await api.call("restrictChatMember", chat_id=chat, user_id=BORIS,
                   permissions={"can_send_messages": False})  # fmt: skip
    with pytest.raises(PlaygroundError, match="not enough rights to send text messages"):
        await family.send("boris", "mute")
    await api.call("restrictChatMember", chat_id=chat, user_id=BORIS, permissions={
        "can_send_other_messages": True, "can_send_polls": True, "can_add_web_page_previews": True,
        "can_react_to_messages": True, "can_change_info": True, "can_invite_users": True,
        "can_pin_messages": True, "can_manage_topics": True})  # fmt: skip
    assert (await api.call("getChatMember", chat_id=chat, user_id=BORIS))["status"] == "member"
    await api.call("banChatMember", chat_id=chat, user_id=BORIS)
    assert (await api.call("getChatMember", chat_id=chat, user_id=BORIS))["status"] == "kicked"
    with pytest.raises(PlaygroundError, match="banned"):
        await family.add("boris")
    await api.call("unbanChatMember", chat_id=chat, user_id=BORIS, only_if_banned=True)
    await family.add("boris")
    assert await api.error("banChatMember", chat_id=chat, user_id=ANN) == (
        "Bad Request: can't remove chat owner"
    )
    await api.call("setChatTitle", chat_id=chat, title="Kin")
    await api.call("setChatDescription", chat_id=chat, description="All of us")
    link = await api.call("exportChatInviteLink", chat_id=chat)
    info = await api.call("getChat", chat_id=chat)
    assert (info["title"], info["description"], info["invite_link"]) == ("Kin", "All of us", link)
    mine = await api.call("sendMessage", chat_id=chat, text="read this")
    await api.call("pinChatMessage", chat_id=chat, message_id=mine["message_id"])
    assert (await api.call("getChat", chat_id=chat))["pinned_message"]["text"] == "read this"
    updates = await fresh(api)
    assert any("pinned_message" in update.get("message", {}) for update in updates)
    theirs = await family.send("boris", "spam")
    assert await api.call("deleteMessage", chat_id=chat, message_id=theirs["message_id"])
    await family.make("playground_bot", "administrator", rights={"can_promote_members": True})
    assert await api.error(
        "promoteChatMember", chat_id=chat, user_id=BORIS, can_pin_messages=True
    ) == ("Bad Request: RIGHT_FORBIDDEN")


async def test_a_bot_that_was_thrown_out(api: Api, family: Chat) -> None:
    await family.remove("playground_bot", ban=True)
    *_, changed, last = await fresh(api)
    assert changed["my_chat_member"]["new_chat_member"]["status"] == "kicked"
    assert last["message"]["left_chat_member"]["username"] == "playground_bot"
    assert await api.error("sendMessage", chat_id=family.id, text="x") == (
        "Forbidden: bot was kicked from the supergroup chat"
    )
    await family.send("ann", "/start@playground_bot")
    assert await fresh(api) == []


async def test_a_bot_that_leaves(api: Api, client: Playground) -> None:
    family = await client.group("Family", members=["ann"])
    assert await api.call("leaveChat", chat_id=family.id)
    assert await api.error("sendMessage", chat_id=family.id, text="x") == (
        "Forbidden: bot is not a member of the group chat"
    )
    assert await api.error("sendMessage", chat_id=-5, text="x") == "Bad Request: chat not found"


async def test_people_a_bot_only_saw_in_a_group(api: Api, family: Chat) -> None:
    assert await api.error("sendMessage", chat_id=BORIS, text="x") == (
        "Forbidden: bot can't initiate conversation with a user"
    )
    assert (await api.call("getChat", chat_id=BORIS))["first_name"] == "Борис"
    assert await api.error("sendMessage", chat_id=CARMEN, text="x") == "Bad Request: chat not found"
    own = (await api.call("getMe"))["id"]
    assert await api.error("sendMessage", chat_id=own, text="x") == (
        "Forbidden: the bot can't send messages to the bot"
    )


async def test_a_group_becomes_a_supergroup(api: Api, client: Playground) -> None:
    family = await client.group("Family", members=["ann", "boris"])
    await fresh(api)
    new = await family.upgrade()
    old, other = (update["message"] for update in await fresh(api))
    assert (old["chat"]["id"], old["migrate_to_chat_id"]) == (family.id, new.id)
    assert (other["chat"]["type"], other["migrate_from_chat_id"]) == ("supergroup", family.id)
    answer = await api.answer("sendMessage", b'{"chat_id": %d, "text": "x"}' % family.id)
    assert answer == {
        "ok": False,
        "error_code": 400,
        "description": "Bad Request: group chat was upgraded to a supergroup chat",
        "parameters": {"migrate_to_chat_id": new.id},
    }
    assert await api.call("sendMessage", chat_id=new.id, text="x")
    with pytest.raises(PlaygroundError, match="became the supergroup"):
        await family.send("ann", "x")


async def test_an_anonymous_administrator(api: Api, family: Chat) -> None:
    await family.make("boris", "administrator", rights={"is_anonymous": True})
    await fresh(api)
    await family.send("boris", "/start")
    message = (await fresh(api))[0]["message"]
    assert message["sender_chat"]["id"] == family.id
    assert message["from"]["username"] == "GroupAnonymousBot"


async def test_reactions_reach_administrators(api: Api, family: Chat) -> None:
    sent = await api.call("sendMessage", chat_id=family.id, text="x")
    await fresh(api)
    await family.person("ann").react(sent, "👍")
    assert await fresh(api) == []
    await family.make("playground_bot", "administrator")
    await fresh(api)
    await family.person("ann").react(sent, "🔥")
    (update,) = await fresh(api)
    reaction = update["message_reaction"]
    assert reaction["user"]["id"] == ANN
    assert [r["emoji"] for r in reaction["old_reaction"]] == ["👍"]
    assert [r["emoji"] for r in reaction["new_reaction"]] == ["🔥"]


async def test_buttons_in_a_group(api: Api, family: Chat) -> None:
    markup = {"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]}
    await api.call("sendMessage", chat_id=family.id, text="menu", reply_markup=markup)
    menu = await family.wait_reply(contains="menu")
    boris: Person = family.person("boris")
    await fresh(api)
    await boris.click(menu, "A")
    query = (await fresh(api))[0]["callback_query"]
    assert (query["from"]["id"], query["message"]["chat"]["id"]) == (BORIS, family.id)
    await api.call("answerCallbackQuery", callback_query_id=query["id"], text="ok")
    event = await boris.wait_event(lambda e: e["type"] == "answer")
    assert (event["user_id"], event["text"]) == (BORIS, "ok")


async def test_invite_links(api: Api, family: Chat) -> None:
    await family.make("playground_bot", "administrator")
    link = await api.call("createChatInviteLink", chat_id=family.id, name="Friends")
    asking = await api.call(
        "createChatInviteLink", chat_id=family.id, name="Others", creates_join_request=True
    )
    await fresh(api)
    await family.add("carmen", link=link["invite_link"])
    update = (await fresh(api))[0]["chat_member"]
    assert update["invite_link"]["name"] == "Friends"
    await family.remove("carmen")
    await fresh(api)
    await family.add("carmen", link=asking["invite_link"])
    request = (await fresh(api))[0]["chat_join_request"]
    assert (request["from"]["id"], request["invite_link"]["name"]) == (CARMEN, "Others")
    await api.call("approveChatJoinRequest", chat_id=family.id, user_id=CARMEN)
    assert (await api.call("getChatMember", chat_id=family.id, user_id=CARMEN))["status"] == (
        "member"
    )
    await api.call("revokeChatInviteLink", chat_id=family.id, invite_link=link["invite_link"])
    await family.remove("carmen")
    with pytest.raises(PlaygroundError, match="isn't valid"):
        await family.add("carmen", link=link["invite_link"])
    once = await api.call("createChatInviteLink", chat_id=family.id, member_limit=1)
    await family.add("carmen", link=once["invite_link"])
    await family.remove("carmen")
    with pytest.raises(PlaygroundError, match="as many as may"):
        await family.add("carmen", link=once["invite_link"])
    old = await api.call("createChatInviteLink", chat_id=family.id, expire_date=1_000_000_000)
    with pytest.raises(PlaygroundError, match="expired"):
        await family.add("carmen", link=old["invite_link"])


async def test_slow_mode(api: Api, family: Chat) -> None:
    await family.change(slow_mode_delay=30)
    assert (await api.call("getChat", chat_id=family.id))["slow_mode_delay"] == 30
    for _ in range(2):
        await family.send("ann", "the owner may")
    await family.send("boris", "once")
    with pytest.raises(PlaygroundError, match="slow mode: Борис can write again in"):
        await family.send("boris", "twice")


def test_bans_and_restrictions_end_on_their_date() -> None:
    now = [1_000.0]
    world = World(clock=lambda: now[0])
    group = groups.create(world, ANN, "Family", "supergroup")
    groups.change(world, group, BORIS, {"status": "kicked", "until_date": 1_060}, ANN)
    groups.change(world, group, CARMEN, roles.restricted({}, 1_060, is_member=True), ANN)
    now[0] = 1_059.0
    with pytest.raises(ControlError, match="banned can't come back"):
        groups.join(world, world.find_group("Family"), BORIS, BORIS)
    assert not roles.may(world.find_group("Family"), CARMEN, "can_send_messages")
    now[0] = 1_060.0
    groups.join(world, world.find_group("Family"), BORIS, BORIS)
    assert roles.is_member(group, BORIS)
    assert roles.may(group, CARMEN, "can_send_messages")
    groups.change(world, group, BORIS, {"status": "kicked", "until_date": 0}, ANN)
    now[0] = 1e9
    with pytest.raises(ControlError, match="banned can't come back"):
        groups.join(world, world.find_group("Family"), BORIS, BORIS)
