CREATE TABLE IF NOT EXISTS queues (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    last_sequence INTEGER NOT NULL DEFAULT 0
);

-- key: queue id in the upper 16 bits, sequence number in the lower 48
CREATE TABLE IF NOT EXISTS messages (
    key INTEGER PRIMARY KEY,
    size INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    ttl_ms INTEGER,
    enqueued_at INTEGER NOT NULL,
    state INTEGER NOT NULL,
    due_at INTEGER,
    expires_at INTEGER,
    delivery_count INTEGER NOT NULL,
    is_dead INTEGER NOT NULL,
    reason TEXT,
    description TEXT,
    payload BLOB NOT NULL
);

-- apart from messages, so that locking does not rewrite a page of payloads
CREATE TABLE IF NOT EXISTS locks (
    key INTEGER PRIMARY KEY,
    token BLOB NOT NULL,
    locked_until INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS seen (
    queue_id INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (queue_id, message_id)
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS seen_by_age ON seen (queue_id, seen_at);
