package request

import (
	"reflect"
	"testing"
)

func TestTextOf(t *testing.T) {
	for xml, want := range map[string]string{
		"<Code>NoSuchKey</Code>":                      "NoSuchKey",
		"<E><CodeX>no</CodeX><Code>yes</Code></E>":    "yes",
		"<Code a='b'>x</Code>":                        "x",
		"<Code/><Code>second</Code>":                  "",
		"<Code>a&amp;b&#252;&#xFC;&lt;&none;&</Code>": "a&büü<&none;&",
		"<Code>&#1114112;</Code>":                     "&#1114112;",
		"<Code><Inner>x</Inner></Code><Code>y</Code>": "y",
	} {
		if got, found := textOf(xml, "Code"); got != want || !found {
			t.Errorf("%s: %q, %v", xml, got, found)
		}
	}
	for _, xml := range []string{"", "<Cod>", "<Code", "<Code>", "<Code>x", "Code"} {
		if got, found := textOf(xml, "Code"); found {
			t.Errorf("%s: found %q", xml, got)
		}
	}
}

func TestRefusalsByCode(t *testing.T) {
	got, n := refusalsIn("<DeleteResult><Error><Key>a&amp;b</Key><Code>AccessDenied</Code><Message>no</Message></Error>"+
		"<Error><Key>c</Key><Code>AccessDenied</Code></Error><Error><Key>d</Key><Code>Odd</Code></Error></DeleteResult>", "Error")
	want := []Refusal{{Failure{Auth, "AccessDenied", "no"}, 2}, {Failure{Server, "Odd", ""}, 1}}
	if n != 3 || !reflect.DeepEqual(got, want) {
		t.Errorf("%d: %+v", n, got)
	}
}

func TestPauses(t *testing.T) {
	for n, want := range map[int][2]int64{2: {50, 100}, 3: {100, 200}, 5: {400, 800}, 11: {15000, 30000}, 100: {15000, 30000}} {
		least, most := PauseBefore(n, 0).Milliseconds(), PauseBefore(n, 1).Milliseconds()
		if least != want[0] || most != want[1] {
			t.Errorf("before attempt %d: %d to %d ms", n, least, most)
		}
	}
}
