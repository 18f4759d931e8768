-- Files that were read and that nobody has made searchable: few, and asked for every minute.
CREATE INDEX files_telegram_files_unheard ON files_telegram_files (updated_at) WHERE stage = 2 AND found_by <> '';
