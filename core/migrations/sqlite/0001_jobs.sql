-- The ledger of jobs, and the workers that are alive. Times: seconds since 1970.
-- state: queued, suspect (was running when its worker died; runs alone next), delayed (until run_at),
-- running, parked (nobody alive knows its name), done, dead (out of attempts), cancelled.
CREATE TABLE core_jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    args TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    state TEXT NOT NULL,
    priority INTEGER NOT NULL DEFAULT 1,
    fair REAL NOT NULL,
    run_at REAL NOT NULL,
    key TEXT,
    user_id INTEGER,
    chat_id INTEGER,
    scope TEXT,
    trace TEXT NOT NULL DEFAULT '',
    attempt INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL,
    crashes INTEGER NOT NULL DEFAULT 0,
    worker TEXT,
    token INTEGER NOT NULL DEFAULT 0,
    cancel INTEGER NOT NULL DEFAULT 0,
    progress_done INTEGER NOT NULL DEFAULT 0,
    progress_total INTEGER NOT NULL DEFAULT 0,
    progress_text TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '',
    created_at REAL NOT NULL,
    started_at REAL,
    finished_at REAL
);
CREATE UNIQUE INDEX core_jobs_key ON core_jobs (key) WHERE key IS NOT NULL;
CREATE INDEX core_jobs_queued ON core_jobs (priority, fair, id) WHERE state = 'queued';
CREATE INDEX core_jobs_user ON core_jobs (coalesce(user_id, 0), fair) WHERE state = 'queued';
CREATE INDEX core_jobs_suspect ON core_jobs (id) WHERE state = 'suspect';
CREATE INDEX core_jobs_delayed ON core_jobs (run_at) WHERE state = 'delayed';
CREATE INDEX core_jobs_running ON core_jobs (worker) WHERE state = 'running';
CREATE INDEX core_jobs_parked ON core_jobs (name) WHERE state = 'parked';
CREATE INDEX core_jobs_finished ON core_jobs (finished_at) WHERE state IN ('done', 'dead', 'cancelled');

CREATE TABLE core_workers (
    id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    slots INTEGER NOT NULL,
    names TEXT NOT NULL,
    started_at REAL NOT NULL,
    lease_until REAL NOT NULL
);
