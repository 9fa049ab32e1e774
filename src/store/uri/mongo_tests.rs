use super::{MongoUri, Parts, StoreUri, UriError, without_password};
use ::mongodb::options::ConnectionString;
use proptest::prelude::*;
use secrecy::SecretString;

fn make_parts(user: &str, password: &str, database: &str) -> Parts {
    let given = |text: &str| Some(text.to_owned()).filter(|t| !t.is_empty());
    Parts { user: given(user), password: given(password).map(SecretString::from), database: given(database) }
}

fn parse_uri(address: &str) -> MongoUri {
    MongoUri::from_parts(address, Parts::default()).unwrap()
}

fn driver_login(uri: &MongoUri) -> (Option<String>, Option<String>) {
    let credential = ConnectionString::parse(uri.secret_uri()).unwrap().credential.unwrap_or_default();
    (credential.username, credential.password)
}

#[test]
fn the_scheme_follows_the_hosts_and_the_user() {
    for (address, without, with) in [
        ("cluster0.example.net", "mongodb", "mongodb+srv"),
        ("cluster0.example.net:27017", "mongodb", "mongodb"),
        ("localhost", "mongodb", "mongodb"),
        ("LocalHost", "mongodb", "mongodb"),
        ("127.0.0.1", "mongodb", "mongodb"),
        ("::1", "mongodb", "mongodb"),
        ("[::1]:27018", "mongodb", "mongodb"),
        ("a.example.net,b.example.net", "mongodb", "mongodb"),
        ("mongodb://cluster0.example.net", "mongodb", "mongodb"),
        ("mongodb+srv://cluster0.example.net", "mongodb+srv", "mongodb+srv"),
    ] {
        let scheme =
            |parts| MongoUri::from_parts(address, parts).unwrap().secret_uri().split("://").next().unwrap().to_owned();
        assert_eq!(scheme(Parts::default()), without, "{address}");
        assert_eq!(scheme(make_parts("ann", "x", "")), with, "{address}");
        assert_eq!(scheme(make_parts("ann", "", "")), with, "{address} with a mere name");
    }
}

#[test]
fn addresses_as_vendors_print_them() {
    let cosmos = "mongodb://acc:a1B2%3D%3D@acc.mongo.cosmos.example:10255/?ssl=true&replicaSet=globaldb&retrywrites=false\
                  &maxIdleTimeMS=120000&appName=@acc@";
    for (printed, host) in [
        (cosmos, "acc.mongo.cosmos.example:10255"),
        ("mongosh \"mongodb+srv://c.example.net/\" --apiVersion 1 --username ann", "c.example.net"),
        ("mongo mongodb://h.example.net:27017/d --username ann", "h.example.net:27017"),
        ("\"mongodb://h.example.net/d\"", "h.example.net"),
        ("'MongoDB+SRV://c.example.net/?appName=Cluster0'", "c.example.net"),
        ("mongodb://h.example.net/d?useNewUrlParser=true&useUnifiedTopology=true&w=majority", "h.example.net"),
        (
            "mongodb://h.example.net/?compressors=zstd&POOLSIZE=5&autoReconnect=true&keepAlive=true&safe=true",
            "h.example.net",
        ),
        ("mongodb://h.example.net/?slaveOk=true&waitQueueMultiple=2", "h.example.net"),
    ] {
        let uri = parse_uri(printed);
        let sent = uri.secret_uri();
        assert!(sent.contains(&format!("{host}/")), "{printed}: {sent}");
        assert!(!sent.contains("useNew") && !sent.contains("compressors") && !sent.contains("POOLSIZE"), "{sent}");
    }
    assert_eq!(driver_login(&parse_uri(cosmos)), (Some("acc".into()), Some("a1B2==".into())));
    for wrong in ["mongodb://u:p@a?b@h/d", "mongodb://h/d?tlsInsecur=true", "mongodb://h/d?x=@y@"] {
        assert!(MongoUri::from_parts(wrong, Parts::default()).is_err(), "{wrong}");
    }
}

#[test]
fn parts_fill_what_the_address_lacks() {
    let uri = MongoUri::from_parts("mongodb://eve:one@h/d", make_parts("ann", "two", "other")).unwrap();
    assert_eq!(driver_login(&uri), (Some("eve".into()), Some("one".into())));
    assert_eq!(uri.database.as_deref(), Some("d"));
    let uri = MongoUri::from_parts("mongodb://eve@h", make_parts("ann", "two", "other")).unwrap();
    assert_eq!(driver_login(&uri), (Some("eve".into()), Some("two".into())));
    assert_eq!((uri.database.as_deref(), uri.to_string().as_str()), (Some("other"), "mongodb://eve@h/other"));
    let uri =
        MongoUri::from_parts("mongodb+srv://<db_username>:<db_password>@c.example.net/", make_parts("ann", "two", ""))
            .unwrap();
    assert_eq!(driver_login(&uri), (Some("ann".into()), Some("two".into())));
    assert_eq!(
        driver_login(&MongoUri::from_parts("h", make_parts("", "two", "")).unwrap()),
        (None, None),
        "a password of nobody"
    );
}

#[test]
fn a_mere_name_does_not_sign_in() {
    let uri = MongoUri::from_parts("localhost:27017", make_parts("ann", "", "d")).unwrap();
    assert!(!uri.signs_in() && !uri.lacks_password());
    assert_eq!((driver_login(&uri), uri.to_string().as_str()), ((None, None), "mongodb://localhost:27017/d"));
    assert!(parse_uri("mongodb://ann@h").lacks_password());
    let x509 = parse_uri("mongodb://CN=ann@h/?authMechanism=MONGODB-X509&tls=true");
    assert!(x509.signs_in() && !x509.lacks_password());
}

#[test]
fn a_mechanism_may_wait_for_its_login() {
    let uri = parse_uri("mongodb://h/?authMechanism=SCRAM-SHA-256");
    assert!(uri.lacks_login() && !uri.signs_in());
    let uri = uri.with_login("ann", Some(SecretString::from("x"))).unwrap();
    assert!(!uri.lacks_login());
    assert_eq!(driver_login(&uri), (Some("ann".into()), Some("x".into())));
}

/// The choice of a database does not change where the driver looks for users.
#[test]
fn users_are_looked_for_where_the_address_says() {
    let source = |uri: &MongoUri| ConnectionString::parse(uri.secret_uri()).unwrap().default_database;
    assert_eq!(source(&parse_uri("mongodb://a:b@h/d").with_database("e").unwrap()).as_deref(), Some("d"));
    assert_eq!(source(&MongoUri::from_parts("h:1/d", make_parts("a", "b", "")).unwrap()), None);
    // The address that `.env` keeps after another database was chosen still finds the user in the first database.
    let moved = parse_uri("mongodb://a:b@h/d?tls=true").with_database("e").unwrap();
    let kept = MongoUri::from_parts(&moved.env_address(), make_parts("a", "b", "e")).unwrap();
    assert_eq!(kept.secret_uri(), "mongodb://a:b@h/?tls=true&authSource=d");
    assert_eq!(kept.database.as_deref(), Some("e"));
    assert_eq!(
        MongoUri::from_parts("h:1/d?tls=true", make_parts("a", "b", "")).unwrap().to_string(),
        "mongodb://a@h:1/d?tls=true"
    );
}

#[test]
fn mistakes_are_told_without_the_password() {
    for address in [
        "mongodb://ann:p@ss:canary@h/d",
        "mongodb://ann:ca/canary@h/d",
        "mongodb://ann:ca?canary@h/d",
        "mongodb://ann:%zzcanary@h/d",
        "mongodb://ann:%ffcanary@h/d",
        "mongodb://ann:canary",
        "mongodb://ann:canary@h:x",
        "mongodb://ann:canary@",
        "mongodb://ann:canary@h/d?journal=canary",
        "mongodb+srv://ann:canary@h:27017/",
        "mongodb:ann:canary@h",
        "http://ann:canary@h",
        "mongodb://h/?tlsCertificateKeyFilePassword=canary&connectTimeoutMS=canary",
    ] {
        let Err(error) = MongoUri::from_parts(address, Parts::default()) else { panic!("{address} is read") };
        let error = error.to_string();
        assert!(!error.contains("canary"), "{address}: {error}");
        assert!(!without_password(address).contains("canary") || address.contains("=canary"), "{address}");
    }
    for name in ["a b", "a.b", "a/b", "$a", "", "a\0b"] {
        let error = parse_uri("h").with_database(name).unwrap_err();
        assert_eq!(error, UriError::Database { name: name.to_owned() });
    }
}

#[test]
fn what_was_typed_is_shown_without_its_password() {
    for (typed, shown) in [
        ("mongodb://ann:pw@h:1/d?x=1", "mongodb://ann@h:1/d?x=1"),
        ("mongodb://ann:p@s/s@h", "mongodb://ann@h"),
        ("ann:pw@h", "ann@h"),
        ("mongodb://h/d", "mongodb://h/d"),
        ("mongodb://ann:pw", "mongodb://ann"),
        ("mongodb://[::1]:1/d", "mongodb://[::1]:1/d"),
        (
            "mongodb://h/?tlsCertificateKeyFilePassword=x&tls=true",
            "mongodb://h/?tlsCertificateKeyFilePassword=[redacted]&tls=true",
        ),
    ] {
        assert_eq!(without_password(typed), shown);
    }
}

#[test]
fn loopback_is_known() {
    assert!(parse_uri("mongodb://localhost:1,127.0.0.1:2,[::1]:3/").is_loopback());
    assert!(!parse_uri("mongodb://localhost,example.org").is_loopback());
}

proptest! {
    /// The driver receives every user and password unchanged, from parts and from a whole escaped URI. No text shows
    /// them. The address that `.env` keeps is read as the same address again.
    #[test]
    fn any_login_round_trips(user in ".{1,12}", password in ".{1,16}", database in "[a-z_]{1,9}") {
        let uri = MongoUri::from_parts("h.example.net:1/?authSource=admin", make_parts(&user, &password, &database)).unwrap();
        prop_assert_eq!(driver_login(&uri), (Some(user.clone()), Some(password.clone())));
        let whole: StoreUri = uri.secret_uri().parse().unwrap();
        let StoreUri::Mongo(whole) = whole else { panic!("a file?") };
        prop_assert_eq!(driver_login(&whole), (Some(user.clone()), Some(password.clone())));
        let again = MongoUri::from_parts(&whole.with_database(&database).unwrap().env_address(), make_parts(&user, &password, &database));
        prop_assert_eq!(&again.unwrap(), &uri);
        let canary = MongoUri::from_parts("h:1", make_parts(&user, "canary-%-@", &database)).unwrap();
        let shown = format!("{canary} {canary:?}");
        prop_assert!(!shown.contains("canary"), "{}", shown);
    }

    /// No input panics, and no error repeats it.
    #[test]
    fn nothing_typed_is_repeated(before in "[@:/?#%<>\\[\\]a-z]{0,8}", after in "[@:/?#%,\\[\\]a-z0-9]{0,8}") {
        for address in [format!("mongodb://{before}:canary{after}@h/d"), format!("{before}:canary{after}@h")] {
            if let Err(error) = MongoUri::from_parts(&address, Parts::default()) {
                prop_assert!(!error.to_string().contains("canary"), "{}: {}", address, error);
            }
            if !address.contains('?') || address.contains("://") {
                prop_assert!(!without_password(&address).contains("canary"), "{}", address);
            }
        }
    }
}
