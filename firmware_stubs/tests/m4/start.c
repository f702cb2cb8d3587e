/* start: from reset to main on the emulated Cortex-M4; what main returns is what qemu returns. */
#include <stdint.h>
#include <stdlib.h>

extern uint32_t stack_top, data_start, data_end, data_load, bss_start, bss_end;
int main(void);
void initialise_monitor_handles(void);
void Reset_Handler(void);
void _init(void);
void _fini(void);

void _init(void) {}
void _fini(void) {}

void Reset_Handler(void)
{
    const uint32_t *from = &data_load;
    for (uint32_t *to = &data_start; to < &data_end;) *to++ = *from++;
    for (uint32_t *to = &bss_start; to < &bss_end;) *to++ = 0;
    initialise_monitor_handles();
    exit(main());
}

static void fault(void) { exit(3); }

typedef union { uint32_t *stack; void (*handler)(void); } vector_t;
__attribute__((section(".vectors"), used)) static const vector_t VECTORS[7] = {
    {&stack_top}, {.handler = Reset_Handler}, {.handler = fault}, {.handler = fault}, {.handler = fault},
    {.handler = fault}, {.handler = fault}};
