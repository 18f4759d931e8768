-- What happened about each update, a row for each try: core/telegram/recorder.py.
CREATE TABLE core_recordings (
    id INTEGER PRIMARY KEY,
    bot_id INTEGER NOT NULL,
    update_id INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    trace_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    chat_id INTEGER,
    user_id INTEGER,
    outcome TEXT NOT NULL,
    began_at REAL NOT NULL,
    seconds REAL NOT NULL,
    -- Bytes that the row takes, about.
    size INTEGER NOT NULL,
    record TEXT NOT NULL
);

-- The rest is looked for seldom, in a table that is kept small.
CREATE INDEX core_recordings_update ON core_recordings (bot_id, update_id);
