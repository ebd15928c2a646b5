package request

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// Found is what was read of an XML answer, as its command asks.
type Found struct {
	// Objects that the answer has, or that the command was done to.
	Objects int
	// Texts by element; one that is not there is left out.
	Texts map[string]string
	// Lists of children's texts by element.
	Lists map[string][][]string
}

// Refusal is a failure of some objects out of many.
type Refusal struct {
	Failure Failure
	Objects int
}

// xmlAnswer reads answers of one command.
type xmlAnswer struct{ AnswerRow }

// read gives what was found, and what failed: all of it, or some objects. objects is how many the command named.
func (a *xmlAnswer) read(xml string, objects int) (*Found, []Refusal, *Failure) {
	if a.Root == "" || !strings.Contains(xml, "<"+a.Root) {
		// An error may come after a status of 200.
		if failure := errorIn(xml); failure != nil {
			return nil, nil, failure
		}
		// A proxy's own page, say, must not pass for an empty listing.
		if a.Root != "" {
			return nil, nil, &Failure{Corrupt, "", "the answer has no " + a.Root}
		}
	}
	found := &Found{Texts: a.textsOf(xml), Lists: a.listsOf(xml)}
	for _, name := range a.Required {
		if found.Texts[name] == "" {
			return nil, nil, &Failure{Corrupt, "", "the answer has no " + name}
		}
	}
	if a.isCut(xml) {
		return nil, nil, &Failure{Corrupt, "", "the listing goes on and does not tell where"}
	}
	if a.Objects != "" {
		each(xml, a.Objects, func(string) { found.Objects++ })
	}
	if a.Refusals == "" {
		return found, nil, nil
	}
	refused, n := refusalsIn(xml, a.Refusals)
	found.Objects = max(0, objects-n)
	return found, refused, nil
}

// isCut tells of a page that is not the last and does not say where the next one begins.
func (a *xmlAnswer) isCut(xml string) bool {
	if a.Continuation == "" {
		return false
	}
	if truncated, _ := textOf(xml, "IsTruncated"); truncated != "true" {
		return false
	}
	next, _ := textOf(xml, a.Continuation)
	return next == ""
}

func (a *xmlAnswer) textsOf(xml string) map[string]string {
	if len(a.Texts) == 0 {
		return nil
	}
	texts := make(map[string]string, len(a.Texts))
	for _, name := range a.Texts {
		if text, found := textOf(xml, name); found {
			texts[name] = a.decoded(xml, name, text)
		}
	}
	return texts
}

func (a *xmlAnswer) listsOf(xml string) map[string][][]string {
	if len(a.Lists) == 0 {
		return nil
	}
	lists := make(map[string][][]string, len(a.Lists))
	for element, children := range a.Lists {
		list := [][]string{}
		each(xml, element, func(inside string) {
			texts := make([]string, len(children))
			for i, child := range children {
				text, _ := textOf(inside, child)
				texts[i] = a.decoded(xml, child, text)
			}
			list = append(list, texts)
		})
		lists[element] = list
	}
	return lists
}

// decoded gives an element's text as it was before the server encoded it. A server may ignore encoding-type; then it does
// not repeat it either.
func (a *xmlAnswer) decoded(xml, element, text string) string {
	if !slices.Contains(a.Encoded, element) {
		return text
	}
	if encoding, _ := textOf(xml, "EncodingType"); encoding != "url" {
		return text
	}
	return decodeURL(text)
}

// decodeURL leaves what is no UTF-8 as it is: a key that nobody can ask for is better than no listing.
func decodeURL(text string) string {
	decoded, err := url.QueryUnescape(text)
	if err != nil || !utf8.ValidString(decoded) {
		return text
	}
	return decoded
}

// errorIn is what a body of status 200 says went wrong, or nil.
func errorIn(xml string) *Failure {
	inside, _, found := element(xml, "Error")
	if !found {
		return nil
	}
	code, message := codeAndMessage(inside)
	return &Failure{classifyCode(code), code, message}
}

func codeAndMessage(xml string) (code, message string) {
	code, _ = textOf(xml, "Code")
	message, _ = textOf(xml, "Message")
	return code, message
}

// refusalsIn gathers elements by their code, and counts them.
func refusalsIn(xml, element string) (all []Refusal, n int) {
	each(xml, element, func(inside string) {
		n++
		code, message := codeAndMessage(inside)
		for i := range all {
			if all[i].Failure.Code == code {
				all[i].Objects++
				return
			}
		}
		all = append(all, Refusal{Failure{classifyCode(code), code, message}, 1})
	})
	return all, n
}
