-- What files are, for filters, and what lies in the trash.

ALTER TABLE search_files
    ADD COLUMN kind TEXT NOT NULL DEFAULT '',
    ADD COLUMN mime TEXT NOT NULL DEFAULT '',
    ADD COLUMN sender_id BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN chat_id BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN size BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN created_at DOUBLE PRECISION NOT NULL DEFAULT 0,
    ADD COLUMN title TEXT NOT NULL DEFAULT '',
    ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;       -- in the trash
CREATE INDEX search_files_newest ON search_files (scope, created_at);
-- Those that were indexed before these columns were; a job fills them.
CREATE INDEX search_files_undescribed ON search_files (file_id) WHERE kind = '';

CREATE TABLE search_tags (
    file_id BIGINT NOT NULL,
    tag TEXT NOT NULL,
    PRIMARY KEY (file_id, tag)
);

-- The same of files whose text waits: JSON, plugins/search/facts.py.
ALTER TABLE search_pending ADD COLUMN facts TEXT NOT NULL DEFAULT '';

ALTER TABLE search_scopes
    ADD COLUMN hidden BIGINT NOT NULL DEFAULT 0,        -- files in the trash
    -- Both tell caches that they are old. `born` is new when a scope begins anew after it was empty.
    ADD COLUMN version BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN born BIGINT NOT NULL DEFAULT 0;

-- All passages of some files, from the index alone.
CREATE INDEX search_passages_of ON search_passages (file_id) INCLUDE (id);

-- How often caches had what was asked for, of all processes.
CREATE TABLE search_counters (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
