-- Files that wait for their meaning: whoever embeds one takes others along.
CREATE INDEX search_files_meaningless ON search_files (file_id) WHERE words = 1 AND meaning = 0;
