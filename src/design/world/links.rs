//! A file of links between agents.

use crate::people::name::fold_name;

/// One link of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Name of the one who is heard.
    pub from: String,
    /// Name of the one who hears.
    pub to: String,
    /// The relation, as `from` reads it of `to`; empty for none.
    pub relation: String,
    /// True if each hears the other.
    pub both: bool,
}

/// Reads a file of links: CSV with the columns `from,to,relation,both`, of which the last two may lack. A link without
/// `both` leads both ways.
///
/// # Errors
/// The line, and a description of the mistake.
pub fn read_links(text: &str) -> Result<Vec<Link>, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
    let heads = reader.headers().map_err(|e| e.to_string())?.clone();
    let column = |name: &str| heads.iter().position(|head| head.eq_ignore_ascii_case(name));
    let (Some(from), Some(to)) = (column("from"), column("to")) else {
        return Err("its first line does not name the columns `from` and `to`".to_owned());
    };
    let (relation, both) = (column("relation"), column("both"));
    let mut links = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| e.to_string())?;
        let row = record.position().map_or(0, csv::Position::line);
        let get = |at: Option<usize>| at.and_then(|at| record.get(at)).unwrap_or_default().to_owned();
        let link = Link {
            from: get(Some(from)),
            to: get(Some(to)),
            relation: get(relation),
            both: match get(both).to_lowercase().as_str() {
                "" | "true" | "yes" | "1" => true,
                "false" | "no" | "0" => false,
                other => return Err(format!("line {row}: `both` cannot be `{other}`")),
            },
        };
        if link.from.is_empty() || link.to.is_empty() {
            return Err(format!("line {row}: a link has two names"));
        }
        if fold_name(&link.from) == fold_name(&link.to) {
            return Err(format!("line {row}: `{}` is linked with itself", link.from));
        }
        links.push(link);
    }
    Ok(links)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_links_is_read_with_its_mistakes() {
        let links = read_links("from,to,relation,both\nAnn, Bob,friend,\nBob,Cy,,no\n").expect("links");
        assert_eq!((links[0].relation.as_str(), links[0].both, links[1].both), ("friend", true, false));
        assert!(read_links("a,b\nx,y\n").unwrap_err().contains("columns"));
        assert!(read_links("from,to\nAnn,ann\n").unwrap_err().contains("line 2"));
        assert!(read_links("from,to,both\nAnn,Bob,perhaps\n").unwrap_err().contains("perhaps"));
    }
}
