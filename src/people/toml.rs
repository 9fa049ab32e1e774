//! Reader of persons that are written in TOML, with the same values as in JSON.

use super::fact::{DEEPEST, Fact, Facts};
use super::fault::Fault;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

/// Reads the facts of a TOML file. A date becomes a text.
///
/// # Errors
/// The text is not TOML, tables and lists are too deep, or a number is `nan` or infinite.
pub fn read_toml(text: &str) -> Result<Facts, Fault> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    match errors.first() {
        Some(error) => Err(Fault::new(error.span().unwrap_or(0..0), format!("not TOML: {}", error.message()))),
        None => read_table(table.get_ref(), 1),
    }
}

fn read_table(table: &DeTable<'_>, depth: usize) -> Result<Facts, Fault> {
    table.iter().map(|(name, node)| Ok((name.get_ref().to_string(), read_fact(node, depth)?))).collect()
}

fn read_fact(node: &Spanned<DeValue<'_>>, depth: usize) -> Result<Fact, Fault> {
    let inner = || match depth {
        DEEPEST => Err(Fault::new(node.span(), format!("tables and lists are more than {DEEPEST} deep"))),
        _ => Ok(depth + 1),
    };
    Ok(match node.get_ref() {
        DeValue::String(text) => Fact::Text(text.to_string()),
        DeValue::Boolean(yes) => Fact::Bool(*yes),
        DeValue::Integer(number) => Fact::Number(write_integer(number).ok_or_else(|| unfit(node))?),
        DeValue::Float(number) => Fact::Number(write_float(number.as_str()).ok_or_else(|| unfit(node))?),
        DeValue::Datetime(date) => Fact::Text(date.to_string()),
        DeValue::Array(items) => {
            let depth = inner()?;
            Fact::List(items.iter().map(|item| read_fact(item, depth)).collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => Fact::Table(read_table(table, inner()?)?),
    })
}

fn unfit(node: &Spanned<DeValue<'_>>) -> Fault {
    let hint = Some("write a finite number of at most 64 bits, or a text".to_owned());
    Fault { hint, ..Fault::new(node.span(), "JSON has no such number") }
}

/// Writes a whole number as JSON does: decimal, without `+`.
fn write_integer(number: &DeInteger<'_>) -> Option<String> {
    i64::from_str_radix(number.as_str(), number.radix()).ok().map(|n| n.to_string())
}

/// Writes a number with a point as JSON does: without `+`. Returns `None` for `nan` and `inf`.
fn write_float(written: &str) -> Option<String> {
    let number = written.trim_start_matches('+');
    number.parse::<f64>().ok().filter(|x| x.is_finite())?;
    Some(number.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::fact::to_json;

    #[test]
    fn values_are_those_of_json_in_the_order_of_writing() {
        let text =
            "name = \"A\"\nage = +1_000\nhex = 0x1F\nheight = +1.50\nborn = 1990-05-01\n[z]\na = [true, [1, 2]]\n";
        let json = "{\"name\":\"A\",\"age\":1000,\"hex\":31,\"height\":1.50,\"born\":\"1990-05-01\",\"z\":{\"a\":[true,[1,2]]}}";
        assert_eq!(to_json(&read_toml(text).unwrap()), json);
    }

    #[test]
    fn numbers_and_depths_that_json_lacks_are_refused() {
        for number in ["inf", "-nan", "99999999999999999999"] {
            assert_eq!(read_toml(&format!("a = {number}")).unwrap_err().message, "JSON has no such number", "{number}");
        }
        let deep = |n: usize| format!("a = {}{}", "[".repeat(n), "]".repeat(n));
        assert!(read_toml(&deep(DEEPEST - 1)).is_ok());
        assert!(read_toml(&deep(DEEPEST)).unwrap_err().message.contains("64 deep"));
        assert!(read_toml("a = ").unwrap_err().message.starts_with("not TOML"));
    }
}
