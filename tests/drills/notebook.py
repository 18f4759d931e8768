"""What the drills of intake have in common: bots with the notebook plugin on one database, a Bot
API of our own, and what its checker reads (tests/drills/harness.py) besides its own."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from core.db.database import Database
from core.telegram.inbox import DONE, SET_ASIDE
from tests.core.mail import until
from tests.core.work import opened
from tests.drills.harness import History
from tests.support.bot_api import TOKEN, BotApi, message
from tests.support.processes import ROOT, Bot

PLUGIN = Path(__file__).parent / "plugins" / "notebook.py"
INTERRUPTED = "I was restarted in the middle"
ENDS = {DONE: "done", SET_ASIDE: "set aside"}
"""A row's status in the inbox → how its update ended; the others are no ends."""


@dataclass
class Desk:
    """A database, a Bot API, and the bots on them."""

    url: str
    folder: Path
    db: Database
    api: BotApi
    history: History
    bots: list[Bot] = field(default_factory=list)
    delivered: int = 0

    async def hire(self, kind: type[Bot] = Bot, env: Mapping[str, str] | None = None) -> Bot:
        """A bot process that is ready."""
        number = len(self.bots)
        bot = kind(self.folder / f"bot{number}.log")
        env = env or {}
        bot.port = int(env.get("PLUGRAM_WEB__PORT", bot.port))
        bot.url = f"http://127.0.0.1:{bot.port}"
        data = self.folder / f"data{number}"
        data.mkdir()
        built_in = [path.parent.name for path in (ROOT / "plugins").glob("*/plugin.toml")]
        bot.env = {
            "BOT_TOKEN": TOKEN,
            "TELEGRAM_API_BASE": self.api.url,
            "PLUGRAM_ROOT": str(self.folder),
            "PLUGRAM_DATA_DIR": str(data),
            "PLUGRAM_DATABASE__URL": self.url,
            "PLUGRAM_WEB__PORT": str(bot.port),
            "PLUGRAM_LOG__FORMAT": "json",
            "PLUGRAM_PLUGINS__PATHS": f'["{PLUGIN}"]',
            # A bot that goes on without it would have nothing to do with what it is brought.
            "PLUGRAM_PLUGINS__REQUIRED": '["notebook"]',
            "PLUGRAM_HOOKS__START_TIMEOUT": "60",
            **{f"PLUGRAM_FEATURES__{name.upper()}": "false" for name in built_in},
            **env,
        }
        self.bots.append(bot)
        await asyncio.to_thread(bot.start)
        return bot

    async def deliver(
        self, number: int, *, chats: int, each: int = 20, pause: float = 0.02
    ) -> None:
        """Messages that arrive over time, in turn to the chats."""
        for start in range(self.delivered, self.delivered + number, each):
            until_ = min(start + each, self.delivered + number)
            self.history.all("sent", range(start + 1, until_ + 1))
            await self.api.deliver(
                *(message(at, str(at), user=at % chats + 1) for at in range(start + 1, until_ + 1))
            )
            await asyncio.sleep(pause)
        self.delivered += number

    async def kill(self, bot: Bot) -> None:
        """SIGKILL, and a line in the history."""
        pid = bot.process.pid if bot.process else None
        self.history.note("kill", pid=pid)
        await asyncio.to_thread(bot.kill)

    async def effects(self) -> int:
        return int(await self.db.fetchval("SELECT count(*) FROM drill_effects"))

    async def resumed(self, than: int) -> float:
        """Seconds until there are more effects than so many."""
        began = time.monotonic()

        async def more() -> bool:
            return await self.effects() > than

        await until(more, seconds=30)
        return time.monotonic() - began

    async def finished(self, *, seconds: float = 60) -> None:
        """Wait until every update that was delivered is done."""

        async def done() -> bool:
            rows = await self.db.fetch(
                "SELECT count(*) AS number FROM core_inbox WHERE status = $1", DONE
            )
            return int(rows[0]["number"]) >= self.delivered

        await until(done, seconds=seconds)

    async def write_down(self) -> None:
        """Into the history: what Telegram was told we have, the effects, and the ends."""
        rows = await self.db.fetch("SELECT number FROM drill_effects ORDER BY place")
        self.history.all("effect", [row["number"] for row in rows])
        acknowledged = (one for one in self.history.ids("sent") if one <= self.api.acknowledged)
        self.history.all("acknowledged", acknowledged)
        inbox = await self.db.fetch("SELECT update_id, status FROM core_inbox ORDER BY update_id")
        for status, end in ENDS.items():
            ended = [row["update_id"] for row in inbox if row["status"] == status]
            self.history.all("ended", ended, state=end)

    async def check(self, *, ordered: bool = True) -> dict[int, set[int]]:
        """Nothing lost, no effect twice, every chat in order (unless it wasn't delivered so), every
        update answered and done. Returns which processes worked on which chat. Once a drill."""
        await self.write_down()
        self.history.check(fruitless=())
        rows = await self.db.fetch("SELECT number, chat, pid FROM drill_effects ORDER BY place")
        by_chat: dict[int, list[int]] = defaultdict(list)
        pids: dict[int, set[int]] = defaultdict(set)
        for row in rows:
            by_chat[row["chat"]].append(row["number"])
            pids[row["pid"]].add(row["chat"])
        for chat, own in by_chat.items():
            assert not ordered or own == sorted(own), f"chat {chat} out of order"
            said = self.api.texts(chat)
            missed = [number for number in own if f"noted {number}" not in said]
            told = sum(INTERRUPTED in text for text in said)
            assert len(missed) <= told, f"chat {chat}: no answer to {missed}, told {told} times"
        statuses = await self.db.fetch("SELECT DISTINCT status FROM core_inbox")
        assert [row["status"] for row in statuses] == [DONE]
        return pids


@asynccontextmanager
async def desk(url: str, folder: Path, *, seed: int = 0) -> AsyncIterator[Desk]:
    """`seed`: of the drill, for its history."""
    async with opened(url) as db, BotApi() as api:
        place = (
            "INTEGER PRIMARY KEY AUTOINCREMENT"
            if db.dialect == "sqlite"
            else "BIGSERIAL PRIMARY KEY"
        )
        await db.execute(
            f"CREATE TABLE drill_effects (place {place}, number BIGINT, chat BIGINT, pid BIGINT)"
        )
        one = Desk(url, folder, db, api, History(folder, seed=seed))
        try:
            yield one
        finally:
            for bot in one.bots:
                await asyncio.to_thread(bot.kill)
