//! Two users of one server: the verified user owns the objects, whatever the environment says (here `DB_USER=tester`).

use crate::base::{Base, design, variable};
use crate::place::Place;
use crate::server::Server;
use mongodb::bson::{Document, doc};
use serde_json::Value as Json;
use std::time::Duration;

/// A second user of the server, who is dropped at the end.
struct Second<'a> {
    base: &'a Base,
    name: String,
}

impl<'a> Second<'a> {
    fn new(base: &'a Base) -> Self {
        let second = Self { base, name: base.database().name().to_owned() };
        second.command(doc! { "createUser": &second.name, "pwd": "second", "roles": [] });
        second
    }

    fn command(&self, command: Document) {
        let admin = self.base.database().client().database("admin");
        self.base.wait(async { admin.run_command(command).await }).unwrap();
    }

    /// His own folder, which knows the server by his own address.
    fn place(&self, server: &Server) -> Option<Place> {
        let host = variable("CONVOKE_TEST_MONGODB_AUTH_ADDRESS")?;
        let mut place = self.base.place(server, &design(4));
        place.store = self.base.uri_at(&format!("mongodb://{}:second@{host}/?authSource=admin", self.name));
        Some(place)
    }
}

impl Drop for Second<'_> {
    fn drop(&mut self) {
        self.command(doc! { "dropUser": &self.name });
    }
}

/// All stored data of experiments and conversations.
fn documents(base: &Base) -> Vec<Vec<Document>> {
    ["experiments", "versions", "revisions", "conversations", "messages", "calls", "claims", "runs"]
        .map(|collection| base.find(collection, doc! {}))
        .to_vec()
}

fn of<'a>(conversations: &'a [Json], creator: &str) -> Vec<&'a str> {
    let own = conversations.iter().filter(|c| c["creator"] == creator);
    own.map(|c| c["id"].as_str().unwrap()).collect()
}

/// K3
#[test]
fn what_one_user_made_another_reads_copies_and_runs_and_does_not_change() {
    let (Some(base), Some(user)) =
        (Base::new("CONVOKE_TEST_MONGODB_AUTH_URI"), variable("CONVOKE_TEST_MONGODB_AUTH_USER"))
    else {
        return;
    };
    let server = Server::start(Duration::ZERO);
    let second = Second::new(&base);
    let (one, Some(other)) = (base.place(&server, &design(4)), second.place(&server)) else { return };
    one.run("import e").exits(0);
    one.run("run faults --limit 2").exits(0);
    let listed = other.run("list --json").exits(0).json();
    assert_eq!(listed["data"][0]["creator"], user.as_str(), "{listed}");
    assert_eq!(base.find("experiments", doc! { "creator": &user }).len(), 1);
    let first = other.conversations("");
    let ran = of(&first, &user)[0];

    let before = documents(&base);
    for line in ["edit faults --starting-message x", "edit faults --name mine", "delete faults --yes"] {
        other.run(line).exits(7);
    }
    let error = other.run(&format!("delete {ran} --yes --json")).exits(7).json();
    assert_eq!(error["error"]["code"], "not-yours", "{error}");
    assert!(error["error"]["message"].as_str().unwrap().contains(&format!("is {user}'s")), "{error}");
    other.run(&format!("delete {ran} --yes")).exits(7);
    assert!(documents(&base) == before, "something was changed");

    other.run("run faults").exits(0);
    assert_eq!(base.find("experiments", doc! {}).len(), 1, "it is the same experiment");
    let all = one.conversations("");
    let (mine, theirs) = (of(&all, &user), of(&all, &second.name));
    assert_eq!((mine.len(), theirs.len()), (2, 2), "{all:?}");
    assert!(all.iter().all(|c| c["status"] == "done"), "{all:?}");
    let theirs = theirs[0];
    one_may_and_another_not(&other, &one, theirs);
    other.run("duplicate faults --name copy").exits(0);
    other.run("edit copy --starting-message Mine").exits(0);
    one.run("edit copy --starting-message Yours").exits(7);
    let copy = base.find("experiments", doc! { "name": "copy" }).remove(0);
    assert_eq!(copy.get_str("creator").unwrap(), second.name);
    assert_eq!(one.conversations("").len(), 3);
    one.is_sound();
}

/// Anybody may star and note; each user has marks of one's own. Only the user who ran a conversation deletes it.
fn one_may_and_another_not(owner: &Place, stranger: &Place, id: &str) {
    let mine = |of: &Place| {
        let shown = of.run(&format!("show {id} --json")).exits(0).json();
        (shown["data"]["starred"].as_bool().unwrap_or(false), shown["data"]["note"].as_str().map(str::to_owned))
    };
    owner.run(&format!("star {id}")).exits(0);
    owner.run(&format!("note {id} mine")).exits(0);
    assert_eq!(mine(stranger), (false, None), "a mark is its maker's own");
    stranger.run(&format!("note {id} theirs")).exits(0);
    assert_eq!(mine(stranger), (false, Some("theirs".into())));
    assert_eq!(mine(owner), (true, Some("mine".into())));
    stranger.run(&format!("note {id} --drop")).exits(0);
    assert_eq!(mine(stranger), (false, None));
    assert_eq!(mine(owner), (true, Some("mine".into())));
    stranger.run(&format!("delete {id} --yes")).exits(7);
    owner.run(&format!("delete {id} --yes")).exits(0);
    stranger.run(&format!("show {id}")).exits(6);
}
