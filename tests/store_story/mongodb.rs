//! The story on real servers of the MongoDB protocol, which variables name. Each test makes databases of its own,
//! `convoke_test_…`, and drops them.

use crate::story::the_story;
use convoke::store::mongodb::Mongo;
use convoke::store::sqlite::OpenMode;
use convoke::store::{MongoUri, StoreUri};
use mongodb::Client;
use std::sync::Arc;

/// A database that is dropped in the end.
pub struct Scratch {
    pub uri: MongoUri,
    address: String,
    name: String,
}

/// The server that a variable names; none where it is unset.
pub fn server(variable: &str) -> Option<String> {
    let address = std::env::var(variable).ok().filter(|v| !v.is_empty());
    if address.is_none() {
        assert!(std::env::var_os("CONVOKE_TEST_REQUIRE_SERVERS").is_none(), "{variable} is unset");
        eprintln!("SKIPPED: {variable} is unset");
    }
    address
}

impl Scratch {
    pub fn new(address: &str) -> Self {
        let name = format!("convoke_test_{:016x}", rand());
        let StoreUri::Mongo(mut uri) = address.parse().unwrap() else { panic!("{address} is no MongoDB") };
        uri.database = Some(name.clone());
        Self { uri, address: address.to_owned(), name }
    }

    pub async fn open(&self, mode: OpenMode) -> Arc<Mongo> {
        Arc::new(Mongo::open(&self.uri, mode).await.unwrap())
    }

    pub async fn database(&self) -> mongodb::Database {
        Client::with_uri_str(&self.address).await.unwrap().database(&self.name)
    }

    pub async fn drop(self) {
        self.database().await.drop().await.unwrap();
    }
}

fn rand() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}

async fn told(variable: &str) {
    let Some(address) = server(variable) else { return };
    let scratch = Scratch::new(&address);
    the_story(scratch.open(OpenMode::Run).await).await;
    scratch.drop().await;
}

macro_rules! stories {
    ($($name:ident: $variable:literal,)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            told($variable).await;
        })*
    };
}

stories! {
    a_server_tells_the_story: "CONVOKE_TEST_MONGODB_URI",
    a_replica_set_tells_the_story: "CONVOKE_TEST_MONGODB_RS_URI",
    a_server_with_users_tells_the_story: "CONVOKE_TEST_MONGODB_AUTH_URI",
    a_server_with_tls_tells_the_story: "CONVOKE_TEST_MONGODB_TLS_URI",
    another_implementation_tells_the_story: "CONVOKE_TEST_MONGODB_JAVA_URI",
}
