/* SPDX-License-Identifier: MIT */
/* transcript.h -- what goes over the wire, one line a packet. */
#ifndef FH_SIMNET_TRANSCRIPT_H
#define FH_SIMNET_TRANSCRIPT_H

#include "simnet.h"

enum { SIM_LINE = 200 };

/* "   30 a 10.1.0.2:49999 > 198.51.100.10:3478 Binding request", with the fate if it is neither
 * sent nor delivered. Returns out. */
const char *sim_transcript_line(uint64_t now_us, const struct sim_packet_info *p,
                                char out[static SIM_LINE]);

#endif
