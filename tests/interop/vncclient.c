/* SPDX-License-Identifier: MIT */
/*
 * vncclient -- libvncclient as a viewer that sees one picture and presses a key:
 *
 *     vncclient HOST PORT SECURITY-TYPE USER PASSWORD CA-FILE
 *
 * It takes this type and no other (of RFB: 1, 2; 19 for what is in VeNCrypt), and prints the size
 * and the first pixel, as "320x240 204060".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rfb/rfbclient.h>

static char **arguments;
static int is_seen;

static char *copy(const char *text)
{
    char *out = malloc(strlen(text) + 1);

    return out ? strcpy(out, text) : NULL;
}

static char *on_password(rfbClient *c)
{
    (void)c;
    return copy(arguments[5]);
}

static rfbCredential *on_credential(rfbClient *c, int type)
{
    rfbCredential *cred = calloc(1, sizeof *cred);

    (void)c;
    if (!cred)
        return NULL;
    if (type == rfbCredentialTypeUser) {
        cred->userCredential.username = copy(arguments[4]);
        cred->userCredential.password = copy(arguments[5]);
    } else {
        cred->x509Credential.x509CACertFile = copy(arguments[6]);
    }
    return cred;
}

static void on_updated(rfbClient *c)
{
    (void)c;
    is_seen = 1;
}

int main(int argc, char **argv)
{
    const uint32_t type = argc == 7 ? (uint32_t)atoi(argv[3]) : 0;
    uint32_t types[] = {type, 0};
    rfbClient *c = argc == 7 ? rfbGetClient(8, 3, 4) : NULL;
    uint32_t pixel;
    int ready = 1;

    if (!c)
        return 2;
    arguments = argv;
    c->GetPassword = on_password;
    c->GetCredential = on_credential;
    c->FinishedFrameBufferUpdate = on_updated;
    c->serverHost = copy(argv[1]);
    c->serverPort = atoi(argv[2]);
    SetClientAuthSchemes(c, types, -1);
    if (!rfbInitClient(c, NULL, NULL))
        return 1; /* and c is freed */
    while (!is_seen && ready >= 0)
        if ((ready = WaitForMessage(c, 10000000)) > 0 && !HandleRFBServerMessage(c))
            ready = -1;
    if (is_seen) {
        memcpy(&pixel, c->frameBuffer, sizeof pixel);
        printf("%dx%d %02x%02x%02x\n", c->width, c->height, pixel >> c->format.redShift & 255,
               pixel >> c->format.greenShift & 255, pixel >> c->format.blueShift & 255);
        SendKeyEvent(c, 0x71, TRUE);
        SendKeyEvent(c, 0x71, FALSE);
    }
    free(c->frameBuffer);
    rfbClientCleanup(c);
    return is_seen ? 0 : 1;
}
