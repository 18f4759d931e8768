-- Updates, committed before Telegram is told that they arrived. Times are seconds since 1970.
CREATE TABLE core_inbox (
    -- The order of arrival, in which a lane is worked off.
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bot_id BIGINT NOT NULL,
    update_id BIGINT NOT NULL,
    partition SMALLINT NOT NULL,
    -- The chat, else the user, else the type of update: what keeps its order.
    lane TEXT NOT NULL,
    -- 0 waits, 1 done, 2 set aside, 3 its effects are committed and its answer is under way.
    status SMALLINT NOT NULL DEFAULT 0,
    attempts SMALLINT NOT NULL DEFAULT 0,
    -- Of the payload's form, for rolling updates.
    version SMALLINT NOT NULL DEFAULT 1,
    received_at DOUBLE PRECISION NOT NULL,
    finished_at DOUBLE PRECISION,
    error TEXT,
    trace_id TEXT,
    payload TEXT NOT NULL,
    UNIQUE (bot_id, update_id)
);

CREATE INDEX core_inbox_open ON core_inbox (bot_id, partition, lane, seq) WHERE status IN (0, 3);
CREATE INDEX core_inbox_set_aside ON core_inbox (bot_id, seq) WHERE status = 2;

-- Who works on which lanes: 64 partitions (0 to 63), and the poller's seat (-1).
CREATE TABLE core_intake_leases (
    bot_id BIGINT NOT NULL,
    slot SMALLINT NOT NULL,
    owner TEXT,
    -- Grows with every owner: what an earlier one still writes is refused.
    token BIGINT NOT NULL DEFAULT 0,
    expires_at DOUBLE PRECISION NOT NULL DEFAULT 0,
    -- Owners in a row that vanished without giving it back.
    crashes INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (bot_id, slot)
);

CREATE TABLE core_intake_processes (
    bot_id BIGINT NOT NULL,
    owner TEXT NOT NULL,
    expires_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (bot_id, owner)
);

-- Where people stand in plugins' dialogs. `thread_id` is 0 and `business_id` '' where there is none.
CREATE TABLE core_dialog_states (
    bot_id BIGINT NOT NULL,
    chat_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    thread_id BIGINT NOT NULL,
    business_id TEXT NOT NULL,
    plugin_id TEXT NOT NULL,
    state TEXT,
    data TEXT NOT NULL DEFAULT '{}',
    changed_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (bot_id, chat_id, user_id, thread_id, business_id, plugin_id)
);

-- Rows change state once or twice in their lives, leases every second: keep the dead versions few.
ALTER TABLE core_inbox SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);
ALTER TABLE core_intake_leases SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
ALTER TABLE core_intake_processes SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
