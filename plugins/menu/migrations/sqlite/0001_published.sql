-- The command menus that Telegram shows now, so that only a change is sent.
CREATE TABLE menu_published (
    target TEXT PRIMARY KEY,
    digest TEXT NOT NULL
);
