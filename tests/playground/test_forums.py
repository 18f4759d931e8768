"""Forums and channels."""

from __future__ import annotations

from pathlib import Path

import pytest

import playground
from playground import Playground
from playground.client import Chat, PlaygroundError
from tests.playground.conftest import Api
from tests.playground.test_groups import fresh, kinds


@pytest.fixture
async def forum(client: Playground, api: Api) -> Chat:
    """A forum with Ann, Boris and a bot that administers it."""
    forum = await client.group("Forum", members=["ann", "boris"], kind="supergroup", forum=True)
    await forum.make("playground_bot", "administrator")
    await fresh(api)
    return forum


async def test_topics(api: Api, forum: Chat) -> None:
    topic = await api.call("createForumTopic", chat_id=forum.id, name="Trips")
    thread = topic["message_thread_id"]
    (created,) = await fresh(api)
    assert created["message"]["forum_topic_created"]["name"] == "Trips"
    assert created["message"]["is_topic_message"]
    sent = await forum.send("boris", "Rome?", thread=thread)
    assert sent["message_thread_id"] == thread
    (update,) = await fresh(api)
    assert update["message"]["message_thread_id"] == thread
    answer = await api.call(
        "sendMessage", chat_id=forum.id, text="Rome!",
        reply_parameters={"message_id": sent["message_id"]},
    )  # fmt: skip
    assert answer["message_thread_id"] == thread, "an answer is in the topic of what it answers"
    plain = await api.call("sendMessage", chat_id=forum.id, text="all")
    assert "message_thread_id" not in plain, "General has none"
    assert await api.error("sendMessage", chat_id=forum.id, text="x", message_thread_id=999) == (
        "Bad Request: message thread not found"
    )
    await api.call("closeForumTopic", chat_id=forum.id, message_thread_id=thread)
    assert await api.error("closeForumTopic", chat_id=forum.id, message_thread_id=thread) == (
        "Bad Request: TOPIC_NOT_MODIFIED"
    )
    with pytest.raises(PlaygroundError, match="TOPIC_CLOSED"):
        await forum.send("boris", "late", thread=thread)
    await api.call("reopenForumTopic", chat_id=forum.id, message_thread_id=thread)
    await api.call("editForumTopic", chat_id=forum.id, message_thread_id=thread, name="Travel")
    assert [t["name"] for t in (await forum.info())["topics"]] == ["Travel"]
    await api.call("deleteForumTopic", chat_id=forum.id, message_thread_id=thread)
    assert [m["text"] for m in await forum.person("ann").messages() if "text" in m] == ["all"]


async def test_topics_of_people(api: Api, forum: Chat) -> None:
    thread = await forum.topic("Music", by="ann")
    await forum.send("ann", "/play", thread=thread)
    assert kinds(await fresh(api)) == ["message forum_topic_created", "message /play"]
    await forum.make("playground_bot", "member", by="ann")
    assert (
        await api.error("editForumTopic", chat_id=forum.id, message_thread_id=thread, name="x")
        == "Bad Request: not enough rights to edit the topic"
    )


async def test_a_channel(api: Api, client: Playground) -> None:
    news = await client.channel("News", members=["ann"], username="news_here")
    (came,) = await fresh(api)
    assert came["my_chat_member"]["new_chat_member"]["can_post_messages"]
    post = await api.call("sendMessage", chat_id="@news_here", text="first")
    assert post["sender_chat"]["title"] == "News"
    assert "from" not in post
    assert (await news.person("ann").messages())[-1]["author"]["username"] == "playground_bot"
    theirs = await news.send("ann", "second")
    await news.person("ann").edit(theirs, "second!")
    assert kinds(await fresh(api)) == ["channel_post second", "edited_channel_post second!"]
    await api.call("editMessageText", chat_id=news.id, message_id=post["message_id"], text="1st")
    await news.make("playground_bot", "administrator", rights={"can_edit_messages": True})
    assert await api.error("sendMessage", chat_id="@news_here", text="x") == (
        "Bad Request: need administrator rights in the channel chat"
    )
    with pytest.raises(PlaygroundError, match="Борис isn't in News"):
        await news.send("boris", "spam")


async def test_a_bot_outside_of_a_channel(api: Api, client: Playground) -> None:
    await client.channel("News", members=["ann"], username="news_here", bots=[])
    assert (await api.call("getChat", chat_id="@news_here"))["title"] == "News"
    assert await api.error("sendMessage", chat_id="@news_here", text="x") == (
        "Forbidden: bot is not a member of the channel chat"
    )
    hidden = await client.channel("Hidden", members=["ann"], bots=[])
    assert await api.error("getChat", chat_id=hidden.id) == "Bad Request: chat not found"


async def test_posts_reach_the_discussion_group(api: Api, client: Playground) -> None:
    talk = await client.group("Talk", members=["ann"], kind="supergroup")
    news = await client.channel("News", members=["ann"])
    await news.change(linked="Talk")
    await talk.make("playground_bot", "administrator")
    await fresh(api)
    await news.send("ann", "read this")
    post, copy = await fresh(api)
    assert copy["message"]["is_automatic_forward"]
    assert copy["message"]["chat"]["id"] == talk.id
    assert copy["message"]["forward_origin"]["message_id"] == post["channel_post"]["message_id"]
    assert (await api.call("getChat", chat_id=news.id))["linked_chat_id"] == talk.id


async def test_groups_survive_a_restart(tmp_path: Path) -> None:
    async with playground.serve(data_dir=tmp_path) as running:
        client = Playground(running.url)
        forum = await client.group(
            "Forum", members=["ann", "boris"], kind="supergroup", forum=True, username="a_forum"
        )
        await forum.topic("Music")
        await forum.send("ann", "/start@playground_bot")
        poll = await client.api("sendPoll", chat_id=forum.id, question="x", options=["a", "b"])
        boris = forum.person("boris")
        await boris.vote(poll, "b")
        await boris.react(poll, "👍")
        before, info = await boris.messages(), await forum.info()
        waiting = await client.pending()
    async with playground.serve(data_dir=tmp_path) as running:
        client = Playground(running.url)
        again = await client.chat("@a_forum")
        assert await again.info() == info
        assert await again.person("ann").messages() == before
        assert await client.pending() == waiting
        assert (await again.send("ann", "next"))["message_id"] == before[-1]["message_id"] + 1
        shown = await again.person("boris").vote(poll)
        assert shown["poll"]["total_voter_count"] == 0
