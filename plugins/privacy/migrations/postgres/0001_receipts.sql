-- Erasures. `subject` says whose, encrypted; empty once that is forgotten. Times: seconds since 1970.
CREATE TABLE privacy_receipts (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,                    -- waiting, done
    subject TEXT NOT NULL,                  -- JSON, by ctx.secrets
    counts TEXT NOT NULL DEFAULT '{}',      -- JSON: what went, and how much of it
    leftovers TEXT NOT NULL DEFAULT '[]',   -- JSON: where something was found afterwards
    behind TEXT NOT NULL DEFAULT '[]',      -- JSON: plugins that were switched off, and still have to hear of it
    requested_at DOUBLE PRECISION NOT NULL,
    finished_at DOUBLE PRECISION
);
