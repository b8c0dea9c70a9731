"""How a file is made and brought forward: numbered steps, each run once, in one transaction.

Two parts share the service's file (ledger and history), so the step reached is kept per part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence


class SchemaError(RuntimeError):
    """The file was written by a newer program; waiting does not help, upgrading does."""


def advance(connection: sqlite3.Connection, part: str, steps: Sequence[str]) -> None:
    """Bring `part` of the file to the last of `steps`; each step is statements parted by a semicolon."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        _take_steps(connection, part, steps)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _take_steps(connection: sqlite3.Connection, part: str, steps: Sequence[str]) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS part (name TEXT PRIMARY KEY, step INTEGER) WITHOUT ROWID")
    found = connection.execute("SELECT step FROM part WHERE name = ?", (part,)).fetchone()
    reached = 0 if found is None else found[0]
    if reached > len(steps):
        raise SchemaError(f"{part} is at step {reached}, this program knows {len(steps)}: upgrade it")
    for step in steps[reached:]:
        for statement in step.split(";"):
            connection.execute(statement)
    connection.execute("INSERT OR REPLACE INTO part VALUES (?, ?)", (part, len(steps)))


# Appended to, never edited.
LEDGER_STEPS = (
    """
    CREATE TABLE unit (
        unit TEXT PRIMARY KEY,
        first_seen_ms INTEGER NOT NULL,
        is_registered INTEGER NOT NULL DEFAULT 0,
        name TEXT, -- given by a person
        capabilities TEXT NOT NULL DEFAULT '[]',
        claimed_name TEXT, -- by its birth
        claimed_capabilities TEXT NOT NULL DEFAULT '[]',
        conn INTEGER NOT NULL DEFAULT 0,
        epoch TEXT,
        boot TEXT,
        software TEXT
    ) WITHOUT ROWID;
    CREATE TABLE lane (
        unit TEXT NOT NULL,
        epoch TEXT NOT NULL,
        lane TEXT NOT NULL,
        mark INTEGER NOT NULL,
        stored INTEGER NOT NULL,
        gone INTEGER NOT NULL,
        moved_ms INTEGER NOT NULL,
        PRIMARY KEY (unit, epoch, lane)
    ) WITHOUT ROWID;
    CREATE TABLE run (
        unit TEXT NOT NULL,
        epoch TEXT NOT NULL,
        lane TEXT NOT NULL,
        first_seq INTEGER NOT NULL,
        boot TEXT NOT NULL,
        PRIMARY KEY (unit, epoch, lane, first_seq)
    ) WITHOUT ROWID;
    CREATE TABLE gap (
        unit TEXT NOT NULL,
        epoch TEXT NOT NULL,
        lane TEXT NOT NULL,
        first_seq INTEGER NOT NULL,
        last_seq INTEGER NOT NULL,
        count INTEGER NOT NULL,
        noticed_ms INTEGER NOT NULL,
        PRIMARY KEY (unit, epoch, lane, first_seq)
    ) WITHOUT ROWID;
    CREATE TABLE last_value (
        unit TEXT NOT NULL,
        kind TEXT NOT NULL,
        source TEXT NOT NULL,
        time_ms INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        clock INTEGER NOT NULL,
        received_ms INTEGER NOT NULL,
        prev INTEGER NOT NULL,
        body BLOB NOT NULL, -- the chunk whose last row it is: decoded when somebody asks
        PRIMARY KEY (unit, kind, source)
    ) WITHOUT ROWID;
    CREATE TABLE live_state (unit TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE quarantine (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        unit TEXT,
        topic TEXT NOT NULL,
        cause TEXT NOT NULL,
        place TEXT NOT NULL,
        detail TEXT NOT NULL,
        received_ms INTEGER NOT NULL,
        latest_ms INTEGER NOT NULL,
        times INTEGER NOT NULL DEFAULT 1,
        digest BLOB NOT NULL,
        payload BLOB NOT NULL
    );
    CREATE UNIQUE INDEX quarantine_digest ON quarantine (topic, digest, cause);
    CREATE INDEX quarantine_unit ON quarantine (unit, id);
    CREATE TABLE counter (
        name TEXT NOT NULL,
        cause TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (name, cause)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE dirty_hour (
        begin_ms INTEGER NOT NULL,
        kind TEXT NOT NULL,
        unit TEXT NOT NULL,
        source TEXT NOT NULL,
        PRIMARY KEY (begin_ms, kind, unit, source)
    ) WITHOUT ROWID;
    CREATE TABLE horizon (kind TEXT PRIMARY KEY, before_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE erasure (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        unit TEXT NOT NULL,
        who TEXT NOT NULL,
        erased_ms INTEGER NOT NULL,
        command_id TEXT NOT NULL,
        told_ms INTEGER,
        answered_ms INTEGER
    );
    CREATE TABLE erased_lane (
        unit TEXT NOT NULL,
        epoch TEXT NOT NULL,
        lane TEXT NOT NULL,
        mark INTEGER NOT NULL,
        PRIMARY KEY (unit, epoch, lane)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE site (
        site TEXT PRIMARY KEY,
        parent TEXT,
        level TEXT NOT NULL,
        name TEXT,
        unit TEXT, -- whose records are this site's
        source TEXT NOT NULL DEFAULT '', -- of that unit, empty: all that have no site of their own
        probes TEXT NOT NULL DEFAULT '[]',
        people INTEGER,
        next_visit_day INTEGER, -- local days since 1970
        lead_days INTEGER
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX site_source ON site (unit, source) WHERE unit IS NOT NULL;
    CREATE TABLE item (
        item TEXT PRIMARY KEY,
        base_unit TEXT NOT NULL,
        pack_size INTEGER NOT NULL,
        profile TEXT,
        is_freeze_sensitive INTEGER NOT NULL,
        vvm TEXT,
        names TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE item_code (code TEXT PRIMARY KEY, item TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE par_level (
        site TEXT NOT NULL,
        item TEXT NOT NULL,
        min INTEGER,
        reorder INTEGER,
        max INTEGER,
        PRIMARY KEY (site, item)
    ) WITHOUT ROWID;
    CREATE TABLE lot (
        item TEXT NOT NULL,
        lot TEXT NOT NULL,
        expires_day INTEGER,
        is_confirmed INTEGER NOT NULL DEFAULT 0, -- by a person, else the earliest that was said
        PRIMARY KEY (item, lot)
    ) WITHOUT ROWID;
    CREATE TABLE lot_state (
        site TEXT NOT NULL,
        item TEXT NOT NULL,
        lot TEXT NOT NULL,
        is_held INTEGER NOT NULL,
        vvm_stage INTEGER,
        reason TEXT NOT NULL,
        actor TEXT NOT NULL,
        changed_ms INTEGER NOT NULL,
        PRIMARY KEY (site, item, lot)
    ) WITHOUT ROWID;
    CREATE TABLE book (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        identity TEXT NOT NULL UNIQUE,
        site TEXT NOT NULL,
        item TEXT NOT NULL,
        lot TEXT NOT NULL, -- empty: nobody said which
        kind TEXT NOT NULL,
        quantity INTEGER NOT NULL, -- signed, in base units, 0 of a count
        time_ms INTEGER NOT NULL,
        clock TEXT NOT NULL,
        learned_ms INTEGER NOT NULL,
        said_ms INTEGER NOT NULL, -- the unit's own time, before any correction
        said_clock INTEGER NOT NULL,
        boot_at_ms INTEGER NOT NULL,
        unit TEXT,
        boot TEXT,
        reason TEXT,
        actor TEXT,
        other_site TEXT,
        expires_day INTEGER, -- as said with this entry
        serial TEXT,
        slot TEXT,
        method TEXT,
        pieces INTEGER, -- of a count
        change INTEGER,
        began_ago_ms INTEGER,
        sure_pct INTEGER
    );
    CREATE INDEX book_pair ON book (site, item, time_ms, lot, kind, quantity);
    CREATE INDEX book_boot ON book (unit, boot) WHERE unit IS NOT NULL;
    CREATE INDEX book_other ON book (other_site, item) WHERE kind = 'transfer';
    CREATE TABLE book_clock (
        unit TEXT NOT NULL,
        boot TEXT NOT NULL,
        clock INTEGER NOT NULL,
        boot_at_ms INTEGER NOT NULL,
        mono_ms INTEGER NOT NULL,
        PRIMARY KEY (unit, boot)
    ) WITHOUT ROWID;
    CREATE TABLE unbooked (
        identity TEXT PRIMARY KEY,
        unit TEXT NOT NULL,
        source TEXT NOT NULL,
        kind TEXT NOT NULL,
        time_ms INTEGER NOT NULL,
        learned_ms INTEGER NOT NULL,
        code TEXT NOT NULL,
        detail TEXT NOT NULL,
        body TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE excursion (
        unit TEXT NOT NULL,
        source TEXT NOT NULL,
        epoch TEXT NOT NULL,
        number INTEGER NOT NULL,
        seq INTEGER NOT NULL, -- of the newest record about it
        state TEXT NOT NULL,
        direction TEXT NOT NULL,
        judgement TEXT NOT NULL,
        comparator TEXT NOT NULL,
        limit_cc INTEGER NOT NULL,
        limit_s INTEGER NOT NULL,
        began_ms INTEGER NOT NULL,
        ended_ms INTEGER,
        outside_s INTEGER NOT NULL,
        lowest_cc INTEGER,
        highest_cc INTEGER,
        profile TEXT NOT NULL,
        profile_version INTEGER NOT NULL,
        clock TEXT NOT NULL,
        learned_ms INTEGER NOT NULL, -- when the first record about it came
        latest_ms INTEGER NOT NULL,
        PRIMARY KEY (unit, source, epoch, number)
    ) WITHOUT ROWID;
    CREATE TABLE stock_revision (id INTEGER PRIMARY KEY, revision INTEGER NOT NULL);
    INSERT INTO stock_revision VALUES (1, 0)
    """,
    """
    CREATE TABLE notification (
        number INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE, -- what it is about and to whom
        alert INTEGER NOT NULL,
        contact TEXT NOT NULL,
        title TEXT NOT NULL,
        body TEXT NOT NULL,
        made_ms INTEGER NOT NULL,
        due_ms INTEGER NOT NULL,
        state TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        settled_ms INTEGER,
        error TEXT NOT NULL
    );
    CREATE INDEX notification_due ON notification (due_ms) WHERE state = 'waiting';
    CREATE INDEX notification_alert ON notification (alert)
    """,
    """
    CREATE TABLE alert_subject (
        number INTEGER PRIMARY KEY,
        rule TEXT NOT NULL,
        name TEXT NOT NULL, -- tells it from the others of its rule
        unit TEXT,
        source TEXT NOT NULL,
        site TEXT,
        item TEXT,
        lot TEXT,
        part TEXT,
        from_ms INTEGER NOT NULL DEFAULT 0, -- samples before are gone
        UNIQUE (rule, name)
    );
    CREATE INDEX alert_subject_pair ON alert_subject (site, item) WHERE item IS NOT NULL;
    CREATE INDEX alert_subject_unit ON alert_subject (unit) WHERE unit IS NOT NULL;
    CREATE TABLE alert_sample (
        subject INTEGER NOT NULL,
        at_ms INTEGER NOT NULL,
        last_ms INTEGER NOT NULL, -- as true as then up to here
        rank INTEGER NOT NULL,
        numbers TEXT NOT NULL,
        boot TEXT NOT NULL,
        seq INTEGER NOT NULL,
        clock INTEGER NOT NULL,
        mono_ms INTEGER NOT NULL, -- of at_ms, since the boot
        came_ms INTEGER NOT NULL, -- when last_ms was heard of
        PRIMARY KEY (subject, at_ms)
    ) WITHOUT ROWID;
    CREATE TABLE alert (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        subject INTEGER NOT NULL,
        rule TEXT NOT NULL,
        state TEXT NOT NULL,
        since_ms INTEGER NOT NULL,
        fired_ms INTEGER NOT NULL,
        over_ms INTEGER,
        numbers TEXT NOT NULL,
        found_ms INTEGER NOT NULL,
        seen_ms INTEGER NOT NULL,
        tell_ms INTEGER, -- when somebody is to be told, null: nobody is
        told_ms INTEGER,
        level INTEGER NOT NULL DEFAULT 0, -- of those who were told, counted up the tree
        escalate_ms INTEGER,
        acknowledged_ms INTEGER,
        acknowledged_by TEXT,
        closed_ms INTEGER,
        closed_by TEXT,
        suppressed_by TEXT,
        explained_by INTEGER
    );
    CREATE INDEX alert_of_subject ON alert (subject, since_ms);
    CREATE INDEX alert_state ON alert (state, since_ms);
    CREATE INDEX alert_tell ON alert (tell_ms) WHERE tell_ms IS NOT NULL;
    CREATE INDEX alert_escalate ON alert (escalate_ms) WHERE escalate_ms IS NOT NULL;
    CREATE TABLE alert_step (
        number INTEGER PRIMARY KEY,
        alert INTEGER NOT NULL,
        at_ms INTEGER NOT NULL,
        what TEXT NOT NULL,
        who TEXT,
        text TEXT NOT NULL
    );
    CREATE INDEX alert_step_alert ON alert_step (alert);
    CREATE TABLE alert_look ( -- what is to be judged, and when at the latest
        kind TEXT NOT NULL,
        one TEXT NOT NULL,
        other TEXT NOT NULL,
        due_ms INTEGER NOT NULL,
        PRIMARY KEY (kind, one, other)
    ) WITHOUT ROWID;
    CREATE INDEX alert_look_due ON alert_look (due_ms);
    CREATE TABLE alert_facts ( -- levels and decisions as they were from a moment on
        site TEXT NOT NULL,
        item TEXT NOT NULL,
        since_ms INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (site, item, since_ms)
    ) WITHOUT ROWID;
    CREATE TABLE alert_gap ( -- of a unit's news
        unit TEXT NOT NULL,
        began_ms INTEGER NOT NULL,
        gap_s INTEGER NOT NULL,
        PRIMARY KEY (unit, began_ms)
    ) WITHOUT ROWID;
    CREATE TABLE alert_cursor (
        id INTEGER PRIMARY KEY,
        revision INTEGER NOT NULL, -- of what surrounds the book
        entry INTEGER NOT NULL, -- of the book
        site TEXT, -- up to where all pairs are looked at again
        item TEXT
    );
    INSERT INTO alert_cursor VALUES (1, -1, 0, NULL, NULL);
    CREATE TABLE maintenance (
        what TEXT NOT NULL,
        name TEXT NOT NULL,
        state TEXT NOT NULL,
        until_ms INTEGER,
        reason TEXT NOT NULL,
        who TEXT NOT NULL,
        set_ms INTEGER NOT NULL,
        PRIMARY KEY (what, name)
    ) WITHOUT ROWID;
    ALTER TABLE notification ADD COLUMN thing TEXT NOT NULL DEFAULT '';
    CREATE INDEX notification_thing ON notification (contact, thing, due_ms);
    CREATE INDEX notification_unsent ON notification (state) WHERE state <> 'sent'
    """,
    """
    ALTER TABLE excursion ADD COLUMN boot TEXT NOT NULL DEFAULT '';
    ALTER TABLE excursion ADD COLUMN said_ms INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE excursion ADD COLUMN said_clock INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE excursion ADD COLUMN boot_at_ms INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE excursion ADD COLUMN said_learned_ms INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE excursion ADD COLUMN began_ago_ms INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE excursion ADD COLUMN ended_ago_ms INTEGER
    """,
    """
    CREATE TABLE title (
        title TEXT PRIMARY KEY, -- the catalogue's own number of the record
        name TEXT NOT NULL,
        author TEXT,
        language TEXT, -- ISO 639-2/B, as MARC has it
        isbn TEXT,
        publisher TEXT,
        year TEXT
    ) WITHOUT ROWID;
    CREATE TABLE copy (
        copy TEXT PRIMARY KEY, -- barcode or PII
        title TEXT NOT NULL,
        owner TEXT, -- ISIL
        home TEXT, -- site whose shelf list it is on
        shelf TEXT, -- place there
        withdrawn_ms INTEGER
    ) WITHOUT ROWID;
    CREATE INDEX copy_title ON copy (title);
    CREATE INDEX copy_home ON copy (home) WHERE home IS NOT NULL;
    CREATE TABLE reader (
        card TEXT PRIMARY KEY,
        reader TEXT NOT NULL UNIQUE, -- keyed hash, all that units know of a card
        blocked_ms INTEGER,
        why TEXT, -- blocked or expired
        until_day INTEGER
    ) WITHOUT ROWID;
    CREATE TABLE hold (
        hold TEXT PRIMARY KEY,
        title TEXT NOT NULL,
        copy TEXT, -- absent: any copy of the title
        reader TEXT NOT NULL,
        stop TEXT, -- site where the reader comes
        since_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX hold_copy ON hold (copy) WHERE copy IS NOT NULL;
    CREATE TABLE library_list (name TEXT PRIMARY KEY, as_of_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE rota (rota TEXT PRIMARY KEY, is_cyclic INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE rota_stage (
        rota TEXT NOT NULL,
        stage INTEGER NOT NULL,
        site TEXT NOT NULL,
        days INTEGER NOT NULL,
        PRIMARY KEY (rota, stage)
    ) WITHOUT ROWID;
    CREATE TABLE rota_copy (
        copy TEXT PRIMARY KEY,
        rota TEXT NOT NULL,
        stage INTEGER, -- absent: new
        moves_to TEXT, -- site it is under way to
        is_in_demand INTEGER NOT NULL DEFAULT 0,
        arrived_day INTEGER
    ) WITHOUT ROWID;
    CREATE TABLE book_event (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        identity TEXT NOT NULL UNIQUE,
        copy TEXT NOT NULL,
        event TEXT NOT NULL,
        time_ms INTEGER NOT NULL,
        clock TEXT NOT NULL,
        learned_ms INTEGER NOT NULL,
        said_ms INTEGER NOT NULL, -- the unit's own time, before any correction
        said_clock INTEGER NOT NULL,
        boot_at_ms INTEGER NOT NULL,
        unit TEXT,
        source TEXT NOT NULL,
        boot TEXT,
        reader TEXT,
        loan TEXT,
        due_day INTEGER,
        shelf TEXT,
        site TEXT,
        ruling TEXT, -- of a person
        body TEXT NOT NULL -- all that was said
    );
    CREATE INDEX book_event_copy ON book_event (copy, time_ms);
    CREATE INDEX book_event_boot ON book_event (unit, boot) WHERE unit IS NOT NULL;
    CREATE TABLE verdict (
        identity TEXT PRIMARY KEY,
        id INTEGER NOT NULL, -- of the event
        copy TEXT NOT NULL,
        verdict TEXT NOT NULL,
        cause TEXT NOT NULL,
        other TEXT, -- the event that speaks against it
        facts TEXT NOT NULL -- the library's side
    ) WITHOUT ROWID;
    CREATE INDEX verdict_copy ON verdict (copy);
    CREATE INDEX verdict_conflict ON verdict (id) WHERE verdict = 'conflict';
    CREATE TABLE conflict_decision (
        identity TEXT PRIMARY KEY,
        ruling TEXT NOT NULL,
        comment TEXT NOT NULL,
        actor TEXT NOT NULL,
        decided_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE conflict_finding (
        identity TEXT PRIMARY KEY, -- of the record by which a crew told it
        conflict TEXT NOT NULL,
        finding TEXT NOT NULL,
        note TEXT,
        actor TEXT,
        unit TEXT NOT NULL,
        time_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX conflict_finding_of ON conflict_finding (conflict);
    CREATE TABLE telling (
        identity TEXT PRIMARY KEY, -- of the event
        id INTEGER NOT NULL,
        copy TEXT NOT NULL,
        time_ms INTEGER NOT NULL, -- of the event
        state TEXT NOT NULL,
        is_forced INTEGER NOT NULL, -- a person said that it stands
        undo TEXT NOT NULL DEFAULT '[]', -- readers to whom the library was told later loans
        made_ms INTEGER NOT NULL,
        due_ms INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        error TEXT NOT NULL DEFAULT '',
        outcome TEXT, -- what the library said
        cause TEXT NOT NULL DEFAULT '',
        facts TEXT NOT NULL DEFAULT '{}',
        told_ms INTEGER -- that it was told, whatever is waiting now
    ) WITHOUT ROWID;
    CREATE INDEX telling_due ON telling (due_ms) WHERE state = 'waiting';
    CREATE INDEX telling_copy ON telling (copy, time_ms);
    CREATE TABLE copy_state (
        copy TEXT PRIMARY KEY,
        unit TEXT,
        source TEXT NOT NULL,
        site TEXT,
        shelf TEXT,
        state TEXT NOT NULL,
        since_ms INTEGER NOT NULL,
        language TEXT,
        loan TEXT, -- the event that began it
        reader TEXT,
        loan_unit TEXT,
        loan_ms INTEGER,
        due_day INTEGER,
        loan_name TEXT,
        renewals INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX copy_state_place ON copy_state (unit, source, site, state, language);
    CREATE INDEX copy_state_due ON copy_state (due_day, copy) WHERE loan IS NOT NULL;
    CREATE INDEX copy_state_missing ON copy_state (since_ms) WHERE state = 'missing'
    """,
    """
    DROP INDEX copy_state_due;
    CREATE INDEX copy_state_due ON copy_state (COALESCE(due_day, 65536), copy) WHERE loan IS NOT NULL;
    CREATE INDEX copy_state_day ON copy_state (due_day) WHERE due_day IS NOT NULL
    """,
    """
    CREATE INDEX book_event_reader ON book_event (reader, copy) WHERE reader IS NOT NULL
    """,
    """
    CREATE TABLE release (
        number INTEGER PRIMARY KEY,
        version TEXT NOT NULL,
        digest TEXT NOT NULL UNIQUE, -- of the head, in hex
        head BLOB NOT NULL,
        who TEXT NOT NULL,
        added_ms INTEGER NOT NULL,
        withdrawn_by TEXT,
        withdrawn_ms INTEGER
    );
    CREATE TABLE release_part ( -- what a release is made of
        number INTEGER NOT NULL,
        digest TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        PRIMARY KEY (number, digest)
    ) WITHOUT ROWID;
    CREATE TABLE release_blob ( -- as long as a release that is offered needs it
        digest TEXT PRIMARY KEY,
        data BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE rollout (
        id INTEGER PRIMARY KEY,
        number INTEGER NOT NULL,
        unit TEXT NOT NULL,
        node TEXT NOT NULL, -- wired to the unit, or empty for the unit itself
        command_id TEXT NOT NULL UNIQUE,
        who TEXT NOT NULL,
        asked_ms INTEGER NOT NULL,
        sent_ms INTEGER,
        state TEXT NOT NULL,
        detail TEXT NOT NULL,
        boot TEXT,
        changed_ms INTEGER NOT NULL
    );
    CREATE INDEX rollout_of ON rollout (unit, node, state);
    CREATE INDEX rollout_number ON rollout (number, unit, node);
    CREATE INDEX rollout_open ON rollout (sent_ms) WHERE state = 'asked'
    """,
    """
    CREATE TABLE help_told ( -- what the button of a call was told
        alert INTEGER PRIMARY KEY,
        state TEXT NOT NULL,
        told_ms INTEGER -- null: to be told again
    )
    """,
    """
    CREATE TABLE count_rejection (
        id TEXT PRIMARY KEY, -- of the difference: its observations and its quantity
        site TEXT NOT NULL,
        item TEXT NOT NULL,
        lot TEXT NOT NULL,
        quantity INTEGER NOT NULL,
        observed INTEGER NOT NULL,
        booked INTEGER NOT NULL,
        time_ms INTEGER NOT NULL, -- of the count
        reason TEXT NOT NULL,
        actor TEXT NOT NULL,
        rejected_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX count_rejection_pair ON count_rejection (site, item, rejected_ms)
    """,
    """
    CREATE TABLE suspect_lot ( -- derived: why excursions propose to hold a lot back, until somebody decides
        site TEXT NOT NULL,
        item TEXT NOT NULL,
        lot TEXT NOT NULL,
        unit TEXT NOT NULL,
        source TEXT NOT NULL,
        epoch TEXT NOT NULL,
        number INTEGER NOT NULL, -- of the excursion
        code TEXT NOT NULL,
        measured REAL NOT NULL,
        allowed REAL NOT NULL,
        measure TEXT NOT NULL,
        began_ms INTEGER NOT NULL,
        PRIMARY KEY (site, item, lot, unit, source, epoch, number, code)
    ) WITHOUT ROWID;
    CREATE INDEX suspect_lot_probe ON suspect_lot (unit, source, epoch, number);
    INSERT OR IGNORE INTO alert_look (kind, one, other, due_ms)
        SELECT DISTINCT 'exposed', unit, source, 0 FROM excursion
    """,
    """
    ALTER TABLE notification ADD COLUMN is_over INTEGER NOT NULL DEFAULT 0
    """,
)

ACCESS_STEPS = (
    """
    CREATE TABLE key (
        name TEXT PRIMARY KEY,
        digest BLOB NOT NULL UNIQUE,
        made_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE session (
        digest BLOB PRIMARY KEY,
        key_name TEXT NOT NULL REFERENCES key (name) ON DELETE CASCADE,
        until_ms INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    """
    ALTER TABLE key ADD COLUMN is_admin INTEGER NOT NULL DEFAULT 0
    """,
    """
    ALTER TABLE key ADD COLUMN roles TEXT NOT NULL DEFAULT ''; -- words with spaces between
    UPDATE key SET roles = CASE is_admin WHEN 1 THEN 'admin' ELSE 'dispatcher health librarian' END;
    ALTER TABLE key DROP COLUMN is_admin
    """,
)
