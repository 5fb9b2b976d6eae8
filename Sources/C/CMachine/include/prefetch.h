// A hint to the processor that memory will be read soon.
//
// In C because Swift has no way to say it. The address may be any: a prefetch never faults and changes nothing that a
// program can see but time.
#ifndef BACKSTAY_CMACHINE_PREFETCH_H
#define BACKSTAY_CMACHINE_PREFETCH_H

static inline __attribute__((always_inline)) void cprefetch(const void *address) { __builtin_prefetch(address); }

#endif
