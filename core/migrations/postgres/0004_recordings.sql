-- What happened about each update, a row for each try: core/telegram/recorder.py.
CREATE TABLE core_recordings (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bot_id BIGINT NOT NULL,
    update_id BIGINT NOT NULL,
    attempt SMALLINT NOT NULL,
    trace_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    chat_id BIGINT,
    user_id BIGINT,
    outcome TEXT NOT NULL,
    began_at DOUBLE PRECISION NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    -- Bytes that the row takes, about.
    size INTEGER NOT NULL,
    record TEXT NOT NULL
);

-- The rest is looked for seldom, in a table that is kept small.
CREATE INDEX core_recordings_update ON core_recordings (bot_id, update_id);
