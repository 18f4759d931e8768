-- People (ids above 0) and chats (below 0) that were let in. Times are seconds since 1970.
CREATE TABLE access_grants (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    granted_by INTEGER NOT NULL,            -- 0: on the command line
    granted_at REAL NOT NULL
);

CREATE TABLE access_codes (
    hash TEXT PRIMARY KEY,                  -- SHA-256 of the code
    made_by INTEGER NOT NULL,
    uses_left INTEGER NOT NULL,
    expires_at REAL NOT NULL
) WITHOUT ROWID;
