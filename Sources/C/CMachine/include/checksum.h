// CRC-32C (Castagnoli), the checksum of the journal's record chain.
//
// In C because Swift has no portable way to reach the CRC instructions of x86 (SSE4.2) and ARMv8.
// The result is the same on every path: the reflected polynomial 0x82F63B78, initial value and final
// XOR 0xFFFFFFFF (RFC 3720, appendix B.4).
#ifndef BACKSTAY_CMACHINE_CHECKSUM_H
#define BACKSTAY_CMACHINE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

// Continues `crc` (0 to begin) over `length` bytes, with the processor's instruction if there is one.
uint32_t cchecksum_crc32c(uint32_t crc, const void *bytes, size_t length);

// The checksum of a record in the journal's chain: over a head of 24 bytes, little-endian (u32 `masked`, u32 `length`,
// u64 `epoch`, u64 `lsn`), and then over `length` bytes. One call, because it is made for every record.
uint32_t cchecksum_chain(uint32_t masked, uint64_t epoch, uint64_t lsn, const void *bytes, uint32_t length);

// The same by table, for machines without the instruction and for the test that compares the two.
uint32_t cchecksum_crc32c_portable(uint32_t crc, const void *bytes, size_t length);

// Whether this machine's processor has the instruction and `cchecksum_crc32c` uses it.
int cchecksum_uses_instruction(void);

#endif
