//! Prints `docs/errors.md`.

fn main() {
    print!("{}", saifu::rpc::catalogue::catalogue());
}
