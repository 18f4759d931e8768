-- The index of everything that can be found. Times are seconds since 1970.

-- What search remembers of itself: versions, the fingerprint of the vectors.
CREATE TABLE search_meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- Statistics of a scope, kept in step with its rows by whoever writes them.
CREATE TABLE search_scopes (
    scope TEXT PRIMARY KEY,
    files INTEGER NOT NULL DEFAULT 0,
    passages INTEGER NOT NULL DEFAULT 0,
    positions INTEGER NOT NULL DEFAULT 0,   -- tokens in all passages
    vectors INTEGER NOT NULL DEFAULT 0,
    removed INTEGER NOT NULL DEFAULT 0      -- vectors ever removed: tells caches that they are old
) WITHOUT ROWID;

CREATE TABLE search_languages (
    scope TEXT NOT NULL,
    language TEXT NOT NULL,
    files INTEGER NOT NULL,
    PRIMARY KEY (scope, language)
) WITHOUT ROWID;

-- Texts that wait for the job which cuts and indexes them.
CREATE TABLE search_pending (
    file_id INTEGER PRIMARY KEY,
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    sections TEXT NOT NULL,                 -- JSON
    received_at REAL NOT NULL
);

CREATE TABLE search_files (
    file_id INTEGER PRIMARY KEY,
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    name_terms BLOB NOT NULL,
    language TEXT NOT NULL,
    passages INTEGER NOT NULL,
    words INTEGER NOT NULL DEFAULT 0,       -- complete, and found by words
    meaning INTEGER NOT NULL DEFAULT 0,     -- found by meaning
    indexed_at REAL NOT NULL
);
CREATE INDEX search_files_scope ON search_files (scope);

CREATE TABLE search_passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    scope TEXT NOT NULL,
    file_id INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,               -- 0 is the file's name, passages count from 1
    length INTEGER NOT NULL,                -- tokens
    terms BLOB NOT NULL,                    -- plugins/search/ranker.py: pack
    text TEXT NOT NULL,
    heading TEXT NOT NULL,
    locator TEXT NOT NULL                   -- JSON
);
CREATE UNIQUE INDEX search_passages_file ON search_passages (file_id, ordinal);

-- Hashed terms of the passages (rowid is the passage's id). Only sets are looked up: the ranker
-- knows frequencies and positions from search_passages.terms.
CREATE VIRTUAL TABLE search_words USING fts5 (terms, detail = none, columnsize = 0, tokenize = 'ascii');

-- The vocabulary of each scope: for counting, completing and mending what was typed.
CREATE TABLE search_terms (
    hash INTEGER PRIMARY KEY,
    scope TEXT NOT NULL,
    term TEXT NOT NULL,
    passages INTEGER NOT NULL
);
CREATE INDEX search_terms_term ON search_terms (scope, term, passages);

CREATE TABLE search_vectors (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- grows in the order of commits
    passage_id INTEGER NOT NULL UNIQUE,
    scope TEXT NOT NULL,
    vector BLOB NOT NULL                    -- float16, little-endian, unit length
);
CREATE INDEX search_vectors_scope ON search_vectors (scope, seq);

-- Index files of large scopes, beside the database in the plugin's data folder.
CREATE TABLE search_vector_files (
    scope TEXT PRIMARY KEY,
    file TEXT NOT NULL,
    up_to INTEGER NOT NULL,                 -- highest seq that it holds
    vectors INTEGER NOT NULL,
    removed INTEGER NOT NULL,               -- search_scopes.removed when it was built
    built_at REAL NOT NULL
) WITHOUT ROWID;

-- Result lists whose buttons still work.
CREATE TABLE search_results (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    scope TEXT NOT NULL,
    person_id INTEGER NOT NULL,
    query TEXT NOT NULL,
    results TEXT NOT NULL,                  -- JSON
    created_at REAL NOT NULL
);
CREATE INDEX search_results_created ON search_results (created_at);
