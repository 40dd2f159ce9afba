/* siphash.h - SipHash-2-4 (Aumasson, Bernstein 2012): 64 bits that only who knows the key can
 * compute, of a short message. */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

enum { SIPHASH_KEY_BYTES = 16 };

uint64_t siphash(const uint8_t key[SIPHASH_KEY_BYTES], const void *bytes, size_t len);

#endif
