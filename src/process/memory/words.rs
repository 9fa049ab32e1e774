//! The word rule: runs of letters and digits in lower case. Han, kana and Thai, which write no spaces, are divided into
//! pairs of neighbours.

/// Returns the words of a text, in order.
pub fn words_of(text: &str) -> Vec<String> {
    let (mut words, mut run, mut is_dense) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        let dense = is_spaceless(c);
        if !dense && !c.is_alphanumeric() {
            add_run(&mut words, &mut run, is_dense);
            continue;
        }
        if dense != is_dense {
            add_run(&mut words, &mut run, is_dense);
            is_dense = dense;
        }
        run.extend(c.to_lowercase());
    }
    add_run(&mut words, &mut run, is_dense);
    words
}

fn add_run(words: &mut Vec<String>, run: &mut String, is_dense: bool) {
    let run = std::mem::take(run);
    let letters: Vec<char> = run.chars().collect();
    if is_dense && letters.len() > 1 {
        words.extend(letters.windows(2).map(|pair| pair.iter().collect::<String>()));
    } else if !run.is_empty() {
        words.push(run);
    }
}

/// True for a letter of a script without spaces between words: Han, kana, Thai.
fn is_spaceless(c: char) -> bool {
    matches!(c,
        '\u{0e01}'..='\u{0e3a}' | '\u{0e40}'..='\u{0e4e}'
        | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{3096}' | '\u{309d}'..='\u{309f}' | '\u{30a1}'..='\u{30fa}'
        | '\u{30fc}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9d}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_many_scripts() {
        for (text, words) in [
            ("", &[][..]),
            ("… ¡!", &[]),
            ("The Cake's 2nd layer", &["the", "cake", "s", "2nd", "layer"]),
            ("Élève ÉCOLE", &["élève", "école"]),
            ("Große Straße", &["große", "straße"]),
            ("день рождения", &["день", "рождения"]),
            ("生日蛋糕", &["生日", "日蛋", "蛋糕"]),
            ("我", &["我"]),
            ("誕生日ケーキ", &["誕生", "生日", "日ケ", "ケー", "ーキ"]),
            ("GPT東京2024", &["gpt", "東京", "2024"]),
            ("วันนี้", &["วั", "ัน", "นน", "นี", "ี้"]),
            ("생일 케이크", &["생일", "케이크"]),
        ] {
            assert_eq!(words_of(text), words, "{text}");
        }
    }
}
