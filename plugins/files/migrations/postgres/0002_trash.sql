-- What lies in the trash: few, asked for every hour.
CREATE INDEX files_telegram_files_trashed ON files_telegram_files (trashed_at) WHERE trashed_at IS NOT NULL;
-- A scope's files, the newest first.
CREATE INDEX files_telegram_files_newest ON files_telegram_files (scope, id);
-- Bytes that nobody holds any more: asked for every hour.
CREATE INDEX files_blobs_unheld ON files_blobs (sha256) WHERE refcount <= 0;
