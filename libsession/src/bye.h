/* SPDX-License-Identifier: MIT */
/* bye.h -- why a session ended: as a Bye, as a Close of the channel, as a word for records. */
#ifndef FH_SESSION_BYE_H
#define FH_SESSION_BYE_H

#include <farhand/channel.h>
#include <farhand/server_conn.h>

/* What our Close says after a Bye. */
enum fh_channel_code fh__bye_code(enum fh_bye bye);
/* What the end of a channel means when no Bye came before it. */
enum fh_bye fh__bye_of_close(const struct fh_channel_event *closed);
/* A number from the wire; other for one that this version does not know. */
enum fh_bye fh__bye_of_number(uint8_t number, enum fh_bye other);
/* The seconds that the reason of a Close 6 or a Refusal 6 tells; 0: none. */
unsigned fh__retry_read(const char *reason);
void fh__retry_write(unsigned seconds, char out[static 12]);

#endif
