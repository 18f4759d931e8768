-- The files whose status message waits for an edit: few, and asked for every minute.
CREATE INDEX files_telegram_files_behind ON files_telegram_files (updated_at) WHERE revision > shown;
