-- Updates, committed before Telegram is told that they arrived. Times are seconds since 1970.
CREATE TABLE core_inbox (
    -- The order of arrival, in which a lane is worked off.
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    bot_id INTEGER NOT NULL,
    update_id INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    -- The chat, else the user, else the type of update: what keeps its order.
    lane TEXT NOT NULL,
    -- 0 waits, 1 done, 2 set aside, 3 its effects are committed and its answer is under way.
    status INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    -- Of the payload's form, for rolling updates.
    version INTEGER NOT NULL DEFAULT 1,
    received_at REAL NOT NULL,
    finished_at REAL,
    error TEXT,
    trace_id TEXT,
    payload TEXT NOT NULL,
    UNIQUE (bot_id, update_id)
);

CREATE INDEX core_inbox_open ON core_inbox (bot_id, partition, lane, seq) WHERE status IN (0, 3);
CREATE INDEX core_inbox_set_aside ON core_inbox (bot_id, seq) WHERE status = 2;

-- Who works on which lanes: 64 partitions (0 to 63), and the poller's seat (-1).
CREATE TABLE core_intake_leases (
    bot_id INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    owner TEXT,
    -- Grows with every owner: what an earlier one still writes is refused.
    token INTEGER NOT NULL DEFAULT 0,
    expires_at REAL NOT NULL DEFAULT 0,
    -- Owners in a row that vanished without giving it back.
    crashes INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (bot_id, slot)
) WITHOUT ROWID;

CREATE TABLE core_intake_processes (
    bot_id INTEGER NOT NULL,
    owner TEXT NOT NULL,
    expires_at REAL NOT NULL,
    PRIMARY KEY (bot_id, owner)
) WITHOUT ROWID;

-- Where people stand in plugins' dialogs. `thread_id` is 0 and `business_id` '' where there is none.
CREATE TABLE core_dialog_states (
    bot_id INTEGER NOT NULL,
    chat_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    thread_id INTEGER NOT NULL,
    business_id TEXT NOT NULL,
    plugin_id TEXT NOT NULL,
    state TEXT,
    data TEXT NOT NULL DEFAULT '{}',
    changed_at REAL NOT NULL,
    PRIMARY KEY (bot_id, chat_id, user_id, thread_id, business_id, plugin_id)
) WITHOUT ROWID;
