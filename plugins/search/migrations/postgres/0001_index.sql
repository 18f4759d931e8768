-- The index of everything that can be found. Times are seconds since 1970.

DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS vector;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'Search needs the pgvector extension and this user may not create it: let an administrator run CREATE EXTENSION vector in this database';
    WHEN undefined_file OR feature_not_supported THEN
        RAISE EXCEPTION 'Search needs the pgvector extension, which this server does not have: install pgvector 0.7 or newer on it';
END
$$;

-- What search remembers of itself: versions, the fingerprint of the vectors.
CREATE TABLE search_meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- Statistics of a scope, kept in step with its rows by whoever writes them.
CREATE TABLE search_scopes (
    scope TEXT PRIMARY KEY,
    files BIGINT NOT NULL DEFAULT 0,
    passages BIGINT NOT NULL DEFAULT 0,
    positions BIGINT NOT NULL DEFAULT 0,    -- tokens in all passages
    vectors BIGINT NOT NULL DEFAULT 0,
    removed BIGINT NOT NULL DEFAULT 0       -- vectors ever removed
);

CREATE TABLE search_languages (
    scope TEXT NOT NULL,
    language TEXT NOT NULL,
    files BIGINT NOT NULL,
    PRIMARY KEY (scope, language)
);

-- Texts that wait for the job which cuts and indexes them.
CREATE TABLE search_pending (
    file_id BIGINT PRIMARY KEY,
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    sections TEXT NOT NULL,                 -- JSON
    received_at DOUBLE PRECISION NOT NULL
);

CREATE TABLE search_files (
    file_id BIGINT PRIMARY KEY,
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    name_terms BYTEA NOT NULL,
    language TEXT NOT NULL,
    passages BIGINT NOT NULL,
    words INTEGER NOT NULL DEFAULT 0,       -- complete, and found by words
    meaning INTEGER NOT NULL DEFAULT 0,     -- found by meaning
    indexed_at DOUBLE PRECISION NOT NULL
);
CREATE INDEX search_files_scope ON search_files (scope);

CREATE TABLE search_passages (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope TEXT NOT NULL,
    file_id BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,               -- 0 is the file's name, passages count from 1
    length INTEGER NOT NULL,                -- tokens
    terms BYTEA NOT NULL,                   -- plugins/search/ranker.py: pack
    text TEXT NOT NULL,
    heading TEXT NOT NULL,
    locator TEXT NOT NULL                   -- JSON
);
CREATE UNIQUE INDEX search_passages_file ON search_passages (file_id, ordinal);

-- Hashed terms of the passages. Only sets are looked up: the ranker knows frequencies and positions
-- from search_passages.terms. The arrays are kept out of line and the rows so small that a look-up
-- of thousands reads few pages.
CREATE TABLE search_words (
    passage_id BIGINT PRIMARY KEY,
    terms BIGINT[] NOT NULL
) WITH (toast_tuple_target = 128);
ALTER TABLE search_words ALTER COLUMN terms SET STORAGE EXTERNAL;
-- Without the pending list, which every search would have to read from end to end.
CREATE INDEX search_words_terms ON search_words USING gin (terms) WITH (fastupdate = off);

-- The vocabulary of each scope: for counting, completing and mending what was typed.
CREATE TABLE search_terms (
    hash BIGINT PRIMARY KEY,
    scope TEXT NOT NULL,
    term TEXT COLLATE "C" NOT NULL,
    passages BIGINT NOT NULL
);
CREATE INDEX search_terms_term ON search_terms (scope, term);

CREATE TABLE search_vectors (
    passage_id BIGINT PRIMARY KEY,
    scope TEXT NOT NULL,
    dimension INTEGER NOT NULL,
    embedding HALFVEC NOT NULL              -- unit length
);
CREATE INDEX search_vectors_scope ON search_vectors (scope);
-- One index for each dimension that embedding models have; those of the others stay empty and cost
-- nothing. A dimension without an index is compared one by one.
CREATE INDEX search_vectors_256 ON search_vectors USING hnsw ((embedding::halfvec(256)) halfvec_ip_ops) WHERE dimension = 256;
CREATE INDEX search_vectors_384 ON search_vectors USING hnsw ((embedding::halfvec(384)) halfvec_ip_ops) WHERE dimension = 384;
CREATE INDEX search_vectors_512 ON search_vectors USING hnsw ((embedding::halfvec(512)) halfvec_ip_ops) WHERE dimension = 512;
CREATE INDEX search_vectors_768 ON search_vectors USING hnsw ((embedding::halfvec(768)) halfvec_ip_ops) WHERE dimension = 768;
CREATE INDEX search_vectors_1024 ON search_vectors USING hnsw ((embedding::halfvec(1024)) halfvec_ip_ops) WHERE dimension = 1024;
CREATE INDEX search_vectors_1536 ON search_vectors USING hnsw ((embedding::halfvec(1536)) halfvec_ip_ops) WHERE dimension = 1536;
CREATE INDEX search_vectors_3072 ON search_vectors USING hnsw ((embedding::halfvec(3072)) halfvec_ip_ops) WHERE dimension = 3072;

-- Result lists whose buttons still work.
CREATE TABLE search_results (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope TEXT NOT NULL,
    person_id BIGINT NOT NULL,
    query TEXT NOT NULL,
    results TEXT NOT NULL,                  -- JSON
    created_at DOUBLE PRECISION NOT NULL
);
CREATE INDEX search_results_created ON search_results (created_at);
