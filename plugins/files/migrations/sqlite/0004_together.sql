-- The files of a batch: its message tells of all of them.
CREATE INDEX files_telegram_files_batch ON files_telegram_files (batch_id) WHERE batch_id IS NOT NULL;
