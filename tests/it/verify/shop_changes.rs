//! What is changed on the shops' side of the books.

/// What is changed, how, and what `saifu verify` says of it.
pub const SHOP_CHANGES: &[(&str, &str, &str)] = &[
    (
        "an order that costs less",
        "UPDATE order_slot SET asked_minor = 1 WHERE asked_minor = 60",
        "its till, payment or reversal",
    ),
    (
        "an order that may be paid for longer",
        "UPDATE order_slot SET payable_until = payable_until + 1 WHERE payable_until IS NOT NULL",
        "its till, payment or reversal",
    ),
    (
        "a store that may hold more cash",
        "UPDATE cash_desk SET ceiling_minor = 9000",
        "its account, ceilings or cash",
    ),
    ("cash that is gone", "UPDATE cash_desk SET held_minor = 0", "its account, ceilings or cash"),
    (
        "less cash than was taken",
        "UPDATE cash_top_up SET amount_minor = 69",
        "its account, till, amount or day",
    ),
    (
        "cash that was given back",
        "UPDATE cash_top_up SET reversed_at = 1",
        "its account, till, amount or day",
    ),
    ("cash of nobody's", "DELETE FROM cash_top_up", "is missing"),
    (
        "a sale of another till",
        "UPDATE payment SET terminal_id = zeroblob(16) WHERE terminal_id IS NOT NULL",
        "its account, store, day or amounts",
    ),
    ("another refund", "UPDATE movement SET amount_minor = 1 WHERE kind = 2", "its payment, kind, amount"),
    ("a capture that is forgotten", "DELETE FROM movement WHERE kind = 1", "is missing"),
    (
        "a refund of another day",
        "UPDATE movement SET business_day = 7 WHERE business_day IS NOT NULL",
        "its payment, kind, amount, till or day",
    ),
    (
        "a day that nobody closed",
        "INSERT INTO closed_day (terminal_id, business_day, tenant_id, closed_at, by_system) \
         SELECT terminal_id, 1, tenant_id, 0, 0 FROM terminal LIMIT 1",
        "nobody closed this day so",
    ),
    (
        "a capture of a later time",
        "UPDATE payment SET captured_at = captured_at + 1 WHERE captured_at IS NOT NULL",
        "its account, store, day or amounts",
    ),
    (
        "a day that began later",
        "UPDATE terminal SET day_began_at = day_began_at + 1 WHERE day_began_at IS NOT NULL",
        "day or state is not the journal's",
    ),
    (
        "a till's cash of another day",
        "UPDATE terminal SET cash_day = 0 WHERE cash_day > 0",
        "day or state is not the journal's",
    ),
    (
        "a till's cash of today",
        "UPDATE terminal SET cash_today_minor = 0",
        "day or state is not the journal's",
    ),
    (
        "a resumed till",
        "UPDATE terminal SET state = 1 WHERE state = 2",
        "its merchant, store, key, refunds, day or state",
    ),
    ("a till of another store", "UPDATE terminal SET store_id = zeroblob(16)", "its merchant, store, key"),
    (
        "an inserted till",
        "INSERT INTO terminal SELECT randomblob(16), tenant_id, merchant_id, store_id, label, NULL, 0, \
         0, registered_at, NULL, 0, 0, 1, 0, NULL, 0, NULL, 0, NULL, tag FROM terminal LIMIT 1",
        "no registration in the journal made this till",
    ),
    (
        "a day that is open again",
        "UPDATE terminal SET business_day = business_day + 1",
        "its merchant, store, key, refunds, day or state",
    ),
    (
        "a payment of another day",
        "UPDATE payment SET business_day = 9 WHERE business_day IS NOT NULL",
        "its account, store, day or amounts",
    ),
    (
        "a payment that was not reversed",
        "UPDATE payment SET refunded_minor = 0 WHERE refunded_minor > 0",
        "its account, store, day or amounts",
    ),
    (
        "a hold that nobody released",
        "UPDATE account SET debits_pending_minor = 0 WHERE debits_pending_minor > 0",
        "what it holds is not what the journal holds",
    ),
    (
        "another part captured",
        "UPDATE payment SET captured_minor = captured_minor + 1 WHERE captured_minor = 100",
        "its account, store, day or amounts",
    ),
    (
        "a hold for longer",
        "UPDATE payment SET hold_until = hold_until + 1 WHERE hold_until IS NOT NULL",
        "its account, store, day or amounts",
    ),
    (
        "a refund that did not count",
        "UPDATE terminal SET refunded_today_minor = 0",
        "its merchant, store, key, refunds, day or state",
    ),
    (
        "an order that was not reversed",
        "UPDATE order_slot SET reversed_at = NULL WHERE reversed_at IS NOT NULL",
        "its till, payment or reversal",
    ),
    ("a forgotten tombstone", "DELETE FROM order_slot WHERE payment_id IS NULL", "is missing"),
    ("a suspended merchant", "UPDATE merchant SET standing = 2", "its account or standing"),
    (
        "an inserted operator",
        "INSERT INTO operator SELECT randomblob(16), tenant_id, randomblob(32), state, added_at, tag \
         FROM operator LIMIT 1",
        "nobody approved this operator",
    ),
    ("another proposal", "UPDATE proposal SET payload = x'00'", "its proposer, payload or state"),
    (
        "a till's key given to an operator",
        "UPDATE signing_key SET principal = 4 WHERE principal = 2",
        "its point, form or owner",
    ),
];
