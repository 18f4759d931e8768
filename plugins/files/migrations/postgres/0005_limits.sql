-- What somebody keeps, and what waits: asked with every file that comes in.
CREATE INDEX files_telegram_files_sender ON files_telegram_files (sender_id, size) WHERE duplicate_of IS NULL;
CREATE INDEX files_telegram_files_waiting ON files_telegram_files (sender_id) WHERE stage < 2 AND problem = '';
