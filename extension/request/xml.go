package request

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// The little XML that S3's answers are: elements, no attributes that matter, five entities and character references. What is
// not well-formed is read as far as it goes, as lib/s3/xml.ts does.

// element gives the inside of the first element of a name, and what comes after it.
func element(xml, name string) (inside, after string, found bool) {
	for {
		at := strings.Index(xml, "<"+name)
		if at < 0 {
			return "", "", false
		}
		xml = xml[at+1+len(name):]
		if xml == "" {
			return "", "", false
		}
		// Else it is a longer name that begins as this one.
		if strings.IndexByte("> /\t\r\n", xml[0]) < 0 {
			continue
		}
		end := strings.IndexByte(xml, '>')
		if end < 0 {
			return "", "", false
		}
		if end > 0 && xml[end-1] == '/' {
			return "", xml[end+1:], true
		}
		xml = xml[end+1:]
		if inside, after, found = strings.Cut(xml, "</"+name+">"); found {
			return inside, after, true
		}
	}
}

// textOf gives the text of the first element of a name that holds no others.
func textOf(xml, name string) (text string, found bool) {
	for {
		inside, after, found := element(xml, name)
		if !found {
			return "", false
		}
		if strings.IndexByte(inside, '<') < 0 {
			return unescape(inside), true
		}
		xml = inside + after
	}
}

// each calls f with the inside of every element of a name, in order. Elements of one name do not nest in S3's answers.
func each(xml, name string, f func(inside string)) {
	for {
		inside, after, found := element(xml, name)
		if !found {
			return
		}
		f(inside)
		xml = after
	}
}

var entities = map[string]string{"amp": "&", "lt": "<", "gt": ">", "quot": `"`, "apos": "'"}

// unescape leaves what is no entity, or names no character, as it is.
func unescape(text string) string {
	if strings.IndexByte(text, '&') < 0 {
		return text
	}
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "&")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name, after, ended := strings.Cut(rest, ";")
		character, known := entity(name)
		if !ended || !known {
			out.WriteByte('&')
			text = rest
			continue
		}
		out.WriteString(character)
		text = after
	}
}

func entity(name string) (string, bool) {
	digits, isNumber := strings.CutPrefix(name, "#")
	if !isNumber {
		character, known := entities[name]
		return character, known
	}
	base := 10
	if hex, isHex := strings.CutPrefix(digits, "x"); isHex {
		digits, base = hex, 16
	}
	code, err := strconv.ParseUint(digits, base, 32)
	if err != nil || code > utf8.MaxRune {
		return "", false
	}
	return string(rune(code)), true
}
