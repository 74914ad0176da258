/* Lives until a signal ends it; when none comes in two seconds, one was lost: it ends with 3. */
#include <unistd.h>

int main(void)
{
    sleep(2);
    return 3;
}
