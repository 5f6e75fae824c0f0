//! What becomes of offers.

use super::{Rule, Table, check, of, secs, shown};
use crate::base::Span;
use crate::control::mesos::allocator::{AgentKey, FrameworkKey};
use crate::control::mesos::offers::{Invalid, Offers};

/// Two open offers: of agent 0 to framework 0, of agent 1 to framework 1.
fn open(timeout: Option<Span>) -> Offers {
    let mut table = Table::new(&[(4, 4), (6, 6)]).frameworks(&["a", "b"]);
    let mut offers = Offers::new(timeout);
    let grants = [table.grant(0, "a", 0, (4, 4)), table.grant(1, "b", 1, (6, 6))];
    for grant in grants {
        offers.send(secs(10), grant);
    }
    offers
}

const LIVES_OF_OFFERS: &[Rule] = &[
    Rule {
        section: "§7.3",
        says: "accepting: what the tasks take stays, the rest comes back",
        check: || {
            let accepted = open(None).accept(1, &of(3, 1)).unwrap();
            (shown(&[accepted.launched, accepted.rest]), "f0:3,1 f0:1,3")
        },
    },
    Rule {
        section: "§7.3",
        says: "tasks that need more than the offer has make it invalid, and it stays open",
        check: || {
            let mut offers = open(None);
            let answer = offers.accept(1, &of(5, 1));
            let still = offers.get(1).is_some();
            (format!("{:?} {still}", answer == Err(Invalid::TooLittle)), "true true")
        },
    },
    Rule {
        section: "§7.3",
        says: "declining: all of it comes back, once",
        check: || {
            let mut offers = open(None);
            let back = offers.decline(2).unwrap();
            (format!("{} {}", shown(&[back]), offers.decline(2).is_none()), "f1:6,6 true")
        },
    },
    Rule {
        section: "§7.4",
        says: "offers of an unreachable agent are rescinded; an answer to them is worth nothing",
        check: || {
            let mut offers = open(None);
            let back = shown(&offers.rescind_agent(AgentKey(0)));
            (format!("{back} {}", offers.accept(1, &of(1, 1)) == Err(Invalid::Gone)), "f0:4,4 true")
        },
    },
    Rule {
        section: "§7.4",
        says: "offers of a disconnected framework are removed",
        check: || {
            let mut offers = open(None);
            (shown(&offers.rescind_framework(FrameworkKey(1))), "f1:6,6")
        },
    },
    Rule {
        section: "§7.1",
        says: "without offer_timeout offers are held for ever",
        check: || {
            let mut offers = open(None);
            (format!("{:?} {}", offers.next_timeout(), offers.expire(secs(1_000_000)).len()), "None 0")
        },
    },
    Rule {
        section: "§7.1",
        says: "offer_timeout takes back what is not answered",
        check: || {
            let mut offers = open(Some(Span::from_secs(30)));
            offers.decline(1);
            let early = offers.expire(secs(39)).len();
            (format!("{early} {}", shown(&offers.expire(secs(40)))), "0 f1:6,6")
        },
    },
];

#[test]
fn lives_of_offers() {
    check(LIVES_OF_OFFERS);
}
