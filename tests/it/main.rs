//! The integration tests: one binary, everything through gRPC, with a client that signs and a clock
//! moved by hand.

mod crash;
mod demo;
mod devices;
mod docs;
mod enrolment;
mod front_door;
mod guard_matrix;
mod hang_up;
mod idempotency;
mod merchant_lists;
mod notify;
mod payment_races;
mod payments;
mod process;
mod production;
mod protocol_example;
mod recovery;
mod recovery_faults;
mod recovery_races;
mod redis;
mod second_factor;
mod secrets;
mod seven_pay;
mod several;
mod shop;
mod shop_races;
mod spine;
mod staff;
mod support;
mod top_up_kills;
mod top_up_saga;
mod verify;
mod wallet_rules;
mod webhooks;
mod wire;
