#pragma once

/* A free loop device with `file` behind it, which goes when nothing has it open or mounted any more. The device opened; its number
 * in `number`. Linux 5.8. */
int clx_loop_attach(int file, int readonly, int *number);
