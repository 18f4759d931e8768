-- What files are, for filters, and what lies in the trash.

ALTER TABLE search_files ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE search_files ADD COLUMN mime TEXT NOT NULL DEFAULT '';
ALTER TABLE search_files ADD COLUMN sender_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE search_files ADD COLUMN chat_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE search_files ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
ALTER TABLE search_files ADD COLUMN created_at REAL NOT NULL DEFAULT 0;
ALTER TABLE search_files ADD COLUMN title TEXT NOT NULL DEFAULT '';
ALTER TABLE search_files ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;      -- in the trash
CREATE INDEX search_files_newest ON search_files (scope, created_at);
-- Those that were indexed before these columns were; a job fills them.
CREATE INDEX search_files_undescribed ON search_files (file_id) WHERE kind = '';

CREATE TABLE search_tags (
    file_id INTEGER NOT NULL,
    tag TEXT NOT NULL,
    PRIMARY KEY (file_id, tag)
) WITHOUT ROWID;

-- The same of files whose text waits: JSON, plugins/search/facts.py.
ALTER TABLE search_pending ADD COLUMN facts TEXT NOT NULL DEFAULT '';

ALTER TABLE search_scopes ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;     -- files in the trash
-- Both tell caches that they are old. `born` is new when a scope begins anew after it was empty.
ALTER TABLE search_scopes ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE search_scopes ADD COLUMN born INTEGER NOT NULL DEFAULT 0;

-- How often caches had what was asked for, of all processes.
CREATE TABLE search_counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
