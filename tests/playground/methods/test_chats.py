"""Asking about chats, people and files."""

from __future__ import annotations

from playground.client import Person
from tests.playground.conftest import ANN, Api


async def test_a_chat(api: Api, ann: Person) -> None:
    chat = await api.call("getChat", chat_id=ANN)
    assert (chat["type"], chat["first_name"], chat["active_usernames"]) == (
        "private",
        "Ann",
        ["ann"],
    )
    assert await api.error("getChat", chat_id=5) == "Bad Request: chat not found"


async def test_its_members(api: Api, ann: Person) -> None:
    member = await api.call("getChatMember", chat_id=ANN, user_id=ANN)
    assert (member["status"], member["user"]["username"]) == ("member", "ann")
    bot = int(api.token.partition(":")[0])
    assert (await api.call("getChatMember", chat_id=ANN, user_id=bot))["user"]["is_bot"]
    assert await api.error("getChatMember", chat_id=ANN, user_id=5) == "Bad Request: user not found"
    assert await api.call("getChatMemberCount", chat_id=ANN) == 2
    assert await api.error("getChatAdministrators", chat_id=ANN) == (
        "Bad Request: there are no administrators in the private chat"
    )


async def test_profile_photos(api: Api, ann: Person) -> None:
    assert await api.call("getUserProfilePhotos", user_id=ANN) == {"total_count": 0, "photos": []}
    assert await api.error("getUserProfilePhotos", user_id=5) == "Bad Request: user not found"


async def test_files(api: Api, ann: Person) -> None:
    document = (await ann.upload(b"abc", name="a.txt"))["document"]
    file = await api.call("getFile", file_id=document["file_id"])
    assert (file["file_size"], file["file_path"]) == (3, "documents/file_1.txt")
    assert await api.error("getFile", file_id="x") == "Bad Request: invalid file_id"
    large = (await ann.send_large("film.mkv", 21 << 20))["document"]
    assert large["mime_type"].startswith("video/")
    error = await api.error("getFile", file_id=large["file_id"])
    assert error == "Bad Request: file is too big"
