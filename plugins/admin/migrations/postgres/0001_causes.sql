-- What went wrong, how often since staff were told, and when last (seconds since 1970).
CREATE TABLE admin_causes (
    cause TEXT PRIMARY KEY,
    times INTEGER NOT NULL,
    seen_at DOUBLE PRECISION NOT NULL
);
