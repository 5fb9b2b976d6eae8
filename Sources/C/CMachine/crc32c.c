// CRC-32C with the processor's instruction if there is one, else by table (eight bytes a step).

#include "checksum.h"
#include <string.h>

#define POLYNOMIAL 0x82F63B78u

static uint32_t table[8][256];

// Built before main, so that no reader ever sees it half made.
__attribute__((constructor)) static void build_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++) c = (c >> 1) ^ ((c & 1) ? POLYNOMIAL : 0);
        table[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int slice = 1; slice < 8; slice++)
            table[slice][i] = (table[slice - 1][i] >> 8) ^ table[0][table[slice - 1][i] & 0xFF];
}

uint32_t cchecksum_crc32c_portable(uint32_t crc, const void *bytes, size_t length) {
    const uint8_t *p = bytes;
    crc = ~crc;
    while (length >= 8) {
        uint32_t low = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
        crc = table[7][low & 0xFF] ^ table[6][(low >> 8) & 0xFF] ^ table[5][(low >> 16) & 0xFF] ^ table[4][low >> 24] ^
              table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
        p += 8;
        length -= 8;
    }
    while (length--) crc = (crc >> 8) ^ table[0][(crc ^ *p++) & 0xFF];
    return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t with_instruction(uint32_t crc, const void *bytes, size_t length) {
    const uint8_t *p = bytes;
    uint64_t c = ~crc;
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        c = __builtin_ia32_crc32di(c, word);
        p += 8;
        length -= 8;
    }
    uint32_t c32 = (uint32_t)c;
    if (length & 4) {
        uint32_t word;
        memcpy(&word, p, 4);
        c32 = __builtin_ia32_crc32si(c32, word);
        p += 4;
    }
    if (length & 2) {
        uint16_t word;
        memcpy(&word, p, 2);
        c32 = __builtin_ia32_crc32hi(c32, word);
        p += 2;
    }
    if (length & 1) c32 = __builtin_ia32_crc32qi(c32, *p);
    return ~c32;
}

static int has_instruction(void) { return __builtin_cpu_supports("sse4.2") != 0; }

#elif defined(__aarch64__)

#include <arm_acle.h>
#if defined(__linux__)
#include <sys/auxv.h>
#endif

// The compilers disagree on the attribute's name. Without the attribute they use the instruction only if the whole file
// is compiled for processors that have it, and the Swift package manager does not ask for that.
#if defined(__clang__)
#define WITH_CRC __attribute__((target("crc")))
#else
#define WITH_CRC __attribute__((target("+crc")))
#endif

WITH_CRC static uint32_t with_instruction(uint32_t crc, const void *bytes, size_t length) {
    const uint8_t *p = bytes;
    crc = ~crc;
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        crc = __crc32cd(crc, word);
        p += 8;
        length -= 8;
    }
    if (length & 4) {
        uint32_t word;
        memcpy(&word, p, 4);
        crc = __crc32cw(crc, word);
        p += 4;
    }
    if (length & 2) {
        uint16_t word;
        memcpy(&word, p, 2);
        crc = __crc32ch(crc, word);
        p += 2;
    }
    if (length & 1) crc = __crc32cb(crc, *p);
    return ~crc;
}

static int has_instruction(void) {
#if defined(__APPLE__)
    // All of Apple's arm64 processors have it.
    return 1;
#elif defined(__linux__)
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
#else
    return 0;
#endif
}

#else

static uint32_t with_instruction(uint32_t crc, const void *bytes, size_t length) {
    return cchecksum_crc32c_portable(crc, bytes, length);
}

static int has_instruction(void) { return 0; }

#endif

static int use_instruction;

__attribute__((constructor)) static void choose(void) { use_instruction = has_instruction(); }

int cchecksum_uses_instruction(void) { return use_instruction; }

uint32_t cchecksum_crc32c(uint32_t crc, const void *bytes, size_t length) {
    return use_instruction ? with_instruction(crc, bytes, length) : cchecksum_crc32c_portable(crc, bytes, length);
}

uint32_t cchecksum_chain(uint32_t masked, uint64_t epoch, uint64_t lsn, const void *bytes, uint32_t length) {
    uint8_t head[24];
    for (int i = 0; i < 4; i++) {
        head[i] = (uint8_t)(masked >> (8 * i));
        head[4 + i] = (uint8_t)(length >> (8 * i));
    }
    for (int i = 0; i < 8; i++) {
        head[8 + i] = (uint8_t)(epoch >> (8 * i));
        head[16 + i] = (uint8_t)(lsn >> (8 * i));
    }
    if (use_instruction) return with_instruction(with_instruction(0, head, sizeof head), bytes, length);
    return cchecksum_crc32c_portable(cchecksum_crc32c_portable(0, head, sizeof head), bytes, length);
}
