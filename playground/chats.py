"""The part of the control API for groups and channels: who is in them, and what they are."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground import endpoints, groups, roles
from playground.endpoints import answer, fields, required
from playground.errors import ControlError
from playground.model import Group
from playground.world import World

_PLAIN = ("description", "username", "slow_mode_delay")


def described(world: World, group: Group) -> dict[str, Any]:
    """A group or channel with its members and topics."""
    return world.render_chat(group) | {
        "is_forum": group.is_forum,
        "description": group.description,
        "permissions": group.permissions,
        "members": [groups.member(world, group, int(who)) for who in group.members],
        "topics": [
            {"message_thread_id": int(thread), **topic} for thread, topic in group.topics.items()
        ],
        "links": list(group.links.values()),
        "requests": group.requests,
        "linked": group.linked,
        "migrated_to": group.migrated_to,
        "pinned": group.pinned,
    }


class Chats:
    """The endpoints about groups and channels."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        """For Starlette."""
        chat = "/control/chats/{chat}"
        return endpoints.routes(
            [
                ("GET", "/control/chats", self.listed),
                ("POST", "/control/chats", self.create),
                ("GET", chat, self.one),
                ("PATCH", chat, self.change),
                ("POST", f"{chat}/members", self.member),
                ("POST", f"{chat}/upgrade", self.upgrade),
                ("POST", f"{chat}/topics", self.add_topic),
                ("PATCH", f"{chat}/topics/{{thread:int}}", self.change_topic),
            ]
        )

    async def listed(self, _: Request) -> Response:
        """All groups and channels."""
        return answer([described(self._world, group) for group in self._world.groups()])

    async def one(self, request: Request) -> Response:
        """One of them, by id, username or title."""
        return answer(described(self._world, self._group(request)))

    async def create(self, request: Request) -> Response:
        """A new one: `title`, `kind`, `username`, `forum`; `owner`, `members`, `admins` and
        `bots` by name. The first of the members owns it when no owner is named."""
        wanted = await fields(request)
        members, admins = wanted.get("members", []), wanted.get("admins", [])
        everybody = [*members, *admins, *wanted.get("bots", [])]
        first = self._world.find_user(str((members or ["ann"])[0]))
        owner = self._who(wanted["owner"]) if wanted.get("owner") else first.id
        group = groups.create(
            self._world,
            owner,
            required(wanted, "title"),
            wanted.get("kind", "group"),
            username=wanted.get("username", ""),
            forum=bool(wanted.get("forum")),
        )
        for name in everybody:
            groups.join(self._world, group, self._who(name), owner)
        for name in admins:
            record = roles.administrator(group)
            groups.change(self._world, group, self._who(name), record, owner)
        return answer(described(self._world, group))

    async def change(self, request: Request) -> Response:
        """Change `title`, `description`, `username`, `is_forum`, `permissions`, `linked`, as the
        owner or `by` another."""
        group, wanted = self._group(request), await fields(request)
        by = self._by(group, wanted)
        if wanted.get("title") and wanted["title"] != group.title:
            groups.rename(self._world, group, by, wanted["title"])
        for name in _PLAIN:
            if name in wanted:
                setattr(group, name, type(getattr(group, name))(wanted[name]))
        if "is_forum" in wanted:
            if group.type != "supergroup":
                raise ControlError("only a supergroup can be a forum", 409)
            group.is_forum = bool(wanted["is_forum"])
        if "permissions" in wanted:
            group.permissions |= wanted["permissions"]
        if "linked" in wanted:
            self._link(group, str(wanted["linked"]))
        self._world.save_chat(group)
        self._world.tell(group, "chat", about=described(self._world, group))
        return answer(described(self._world, group))

    def _link(self, group: Group, name: str) -> None:
        """A channel and its discussion group; an empty name parts them."""
        other = self._world.group(group.linked)
        if other is not None:
            other.linked = 0
        group.linked = 0
        if name:
            other = self._world.find_group(name)
            if {group.type, other.type} != {"channel", "supergroup"}:
                raise ControlError("a channel is linked with a supergroup", 409)
            group.linked, other.linked = other.id, group.id

    async def member(self, request: Request) -> Response:
        """Make `who` what `status` says: `member`, `administrator`, `restricted`, `left` or
        `kicked`; `by` somebody, with `rights`, or through an invite `link`."""
        group, wanted = self._group(request), await fields(request)
        who, status = self._who(required(wanted, "who")), wanted.get("status", "member")
        itself = status in {"member", "left"} and not wanted.get("by")
        by = who if itself else self._by(group, wanted)
        if status == "member" and not roles.is_member(group, who):
            self._enter(group, who, by, wanted)
        elif status == "left" and by == who:
            groups.leave(self._world, group, who)
        else:
            self._change(group, who, by, status, wanted)
        return answer(groups.member(self._world, group, who))

    def _enter(self, group: Group, who: int, by: int, wanted: dict[str, Any]) -> None:
        if who in self._world.bots and by == who:
            by = self._by(group, wanted)  # a bot can't come by itself
        if wanted.get("link"):
            groups.follow(self._world, group, who, str(wanted["link"]))
        else:
            groups.join(self._world, group, who, by)

    def _change(self, group: Group, who: int, by: int, status: str, wanted: dict[str, Any]) -> None:
        rights, there = wanted.get("rights"), roles.is_member(group, who)
        records: dict[str, dict[str, Any]] = {
            "member": {"status": "member"},
            "administrator": roles.administrator(group, rights),
            "restricted": roles.restricted(rights or {}, 0, is_member=there),
            "left": {"status": "left"},
            "kicked": {"status": "kicked", "until_date": 0},
            "creator": roles.creator() | (rights or {}),
        }
        if status not in records:
            raise ControlError(f"status must be one of {', '.join(records)}")
        if by != who:
            right = "can_promote_members" if status == "administrator" else "can_restrict_members"
            groups.require_rights_over(group, by, who, right)
        elif status != "creator" or roles.record(group, who)["status"] != "creator":
            raise ControlError("nobody changes their own rights", 403)
        groups.change(self._world, group, who, records[status], by)

    async def upgrade(self, request: Request) -> Response:
        """Make a group a supergroup: the new chat."""
        group, wanted = self._group(request), await fields(request)
        return answer(
            described(self._world, groups.upgrade(self._world, group, self._by(group, wanted)))
        )

    async def add_topic(self, request: Request) -> Response:
        """A new topic of a forum: `name`."""
        group, wanted = self._group(request), await fields(request)
        if not group.is_forum:
            raise ControlError(f"{group.title} is no forum", 409)
        by, name = self._by(group, wanted), str(required(wanted, "name"))
        return answer(groups.create_topic(self._world, group, by, name))

    async def change_topic(self, request: Request) -> Response:
        """Change the `name` of a topic, or whether it is `closed`."""
        group, wanted = self._group(request), await fields(request)
        thread, by = request.path_params["thread"], self._by(group, wanted)
        if str(thread) not in group.topics:
            raise ControlError(f"there is no topic {thread}", 404)
        if wanted.get("name"):
            groups.edit_topic(self._world, group, by, thread, {"name": str(wanted["name"])})
        if "closed" in wanted:
            groups.close_topic(self._world, group, by, thread, closed=bool(wanted["closed"]))
        return answer({"message_thread_id": thread, **group.topics[str(thread)]})

    def _group(self, request: Request) -> Group:
        return self._world.find_group(request.path_params["chat"])

    def _who(self, name: Any) -> int:
        """The id of a user or bot; raises ControlError."""
        try:
            return self._world.find_user(str(name)).id
        except ControlError:
            return self._world.find_bot(str(name)).id

    def _by(self, group: Group, wanted: dict[str, Any]) -> int:
        """Who does it: the owner unless somebody is named."""
        if wanted.get("by"):
            return self._who(wanted["by"])
        owners = (int(w) for w, held in group.members.items() if held["status"] == "creator")
        return next(owners, 0)
