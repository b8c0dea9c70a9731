"""The book shelf of a unit: tags and barcodes in, facts about copies out; loans without any network.

    source ──▶ Librarian ──▶ intake          book, inventory, settle, lists
    tags, scanner   │
    crew page ──────┤  ask (a Unix socket): lend, take back, renew, check the shelf, settle
                    ├─ lists        what the service knew last: copies, blocks, holds, conflicts
                    ├─ rules        what speaks against a loan, by those lists and by the tag
                    ├─ shelf        what the lists say and what happened since
                    ├─ shelf_check  one shelf against the lists; inventory counts its rounds
                    ├─ looks        what may be asked that changes nothing
                    └─ memory       what must outlive a power cut

A loan is a fact: it is recorded, never refused by the service, only resolved. Rules, shelf, inventory and
codecs are pure; the librarian runs them in the agent's main thread, and answers when what it tells is on
disk. `serve` is the crew's page, a process of its own, and `fetching` its way to the service.

The codecs know a tag's bytes: `iso28560_2`, `iso28560_3`, `iso28560_4`, `university`, and `tag` which tells
them apart. What is none of them is kept as it is.
"""
