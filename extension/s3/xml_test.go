package s3

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

func TestEscapedTextReadsBack(t *testing.T) {
	for _, text := range []string{"", "a", `<&>"'`, "\x01\t\n", "ü😀", "&amp;", "]]>"} {
		if got := unescape(string(appendEscaped(nil, text))); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestPages(t *testing.T) {
	for name, row := range map[string]struct {
		xml  string
		want Page
	}{
		"encoded": {
			"<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>a+b=</NextContinuationToken>" +
				"<Contents><Key>a+b%2Bc%20%C3%BC%26%252F</Key><Size>1</Size></Contents><Contents><Key>a%FFb</Key><Size>2</Size></Contents>" +
				"<CommonPrefixes><Prefix>x+y/</Prefix></CommonPrefixes></ListBucketResult>",
			Page{2, []Object{{"a b+c ü&%2F", 1}, {"a%FFb", 2}}, []string{"x y/"}, "a+b="},
		},
		"by a server that knows no encoding": {
			"<ListBucketResult xmlns='x'><Contents><Size>1</Size><Key>a+b%20&amp;&#252;</Key></Contents></ListBucketResult>",
			Page{1, []Object{{"a+b%20&ü", 1}}, nil, ""},
		},
		"the last one": {
			"<ListBucketResult><IsTruncated>false</IsTruncated><NextContinuationToken>x</NextContinuationToken></ListBucketResult>",
			Page{},
		},
	} {
		if got := readPage(row.xml); !reflect.DeepEqual(got, row.want) {
			t.Errorf("%s: %+v", name, got)
		}
		counted := countPage(row.xml)
		if counted.Keys != row.want.Keys || counted.Next != row.want.Next {
			t.Errorf("%s, counted: %+v", name, counted)
		}
	}
	if got := countPage("<ListBucketResult><KeyCount>7</KeyCount></ListBucketResult>"); got.Keys != 7 {
		t.Errorf("KeyCount: %+v", got)
	}
}

func TestRefusalsByCode(t *testing.T) {
	refused := refusedOf("<DeleteResult><Error><Key>a&amp;b</Key><Code>AccessDenied</Code><Message>no</Message></Error>" +
		"<Error><Key>c</Key><Code>AccessDenied</Code></Error><Error><Key>d</Key><Code>Odd</Code></Error></DeleteResult>")
	if len(refused) != 3 || refused[0] != (Refused{"a&b", "AccessDenied", "no"}) {
		t.Errorf("%+v", refused)
	}
	want := []Refusal{{Failure{Auth, "AccessDenied", "no"}, 2}, {Failure{Server, "Odd", ""}, 1}}
	if got := byCode(refused); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
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
