/* A program that does nothing: what it takes to start is the kernel's share. */
int main(void)
{
    return 0;
}
