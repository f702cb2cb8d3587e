/* stream: what the control point may do to the stream. Private to the core. */
#ifndef IMUC_STREAM_H
#define IMUC_STREAM_H

#include "imuc.h"

uint8_t imuc_fit(uint16_t att_mtu, uint8_t wanted);            /* samples that fit a packet, at most wanted */
void imuc_begin(imuc_t *s, uint16_t rate, uint8_t n);          /* a new stream: numbers from 0, store empty */
void imuc_end(imuc_t *s);                                      /* sampling off */
uint8_t imuc_rewind(imuc_t *s, uint16_t seq, uint16_t *first); /* send from number seq on; a status */
void imuc_age(imuc_t *s, uint64_t t_us);                       /* time has come to t_us */

#endif
