package request

import (
	"encoding/binary"
	"hash"
	"hash/crc64"
	"sync"
)

// nvme is the polynomial of CRC-64/NVME, in reversed bits: NVM Express, NVM Command Set Specification, 5.2.1.3.4.
const nvme = 0x9A6C9329AC4BC9B5

// nvmeTables say what a byte comes to with so many bytes behind it. hash/crc64 keeps such tables of other polynomials only: of
// this one it makes them anew with each piece, and looks at half as many bytes at once.
var nvmeTables = sync.OnceValue(func() *[16][256]uint64 {
	tables := [16][256]uint64{*crc64.MakeTable(nvme)}
	for behind := 1; behind < len(tables); behind++ {
		for i := range 256 {
			crc := tables[behind-1][i]
			tables[behind][i] = tables[0][byte(crc)] ^ crc>>8
		}
	}
	return &tables
})

// crc64NVME is CRC-64/NVME, 16 bytes at once.
type crc64NVME struct {
	tables *[16][256]uint64
	crc    uint64
}

func newCRC64NVME() hash.Hash { return &crc64NVME{tables: nvmeTables()} }

func (c *crc64NVME) Write(p []byte) (int, error) {
	t, crc, n := c.tables, ^c.crc, len(p)
	for ; len(p) >= 16; p = p[16:] {
		a, b := crc^binary.LittleEndian.Uint64(p), binary.LittleEndian.Uint64(p[8:])
		crc = t[15][byte(a)] ^ t[14][byte(a>>8)] ^ t[13][byte(a>>16)] ^ t[12][byte(a>>24)] ^
			t[11][byte(a>>32)] ^ t[10][byte(a>>40)] ^ t[9][byte(a>>48)] ^ t[8][byte(a>>56)] ^
			t[7][byte(b)] ^ t[6][byte(b>>8)] ^ t[5][byte(b>>16)] ^ t[4][byte(b>>24)] ^
			t[3][byte(b>>32)] ^ t[2][byte(b>>40)] ^ t[1][byte(b>>48)] ^ t[0][byte(b>>56)]
	}
	for _, v := range p {
		crc = t[0][byte(crc)^v] ^ crc>>8
	}
	c.crc = ^crc
	return n, nil
}

func (c *crc64NVME) Sum(p []byte) []byte { return binary.BigEndian.AppendUint64(p, c.crc) }
func (c *crc64NVME) Reset()              { c.crc = 0 }
func (*crc64NVME) Size() int             { return crc64.Size }
func (*crc64NVME) BlockSize() int        { return 1 }
